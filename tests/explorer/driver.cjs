// Runs the explorer's engine in node. Reads one JSON object from standard input: {scripts, evidence, ask}, writes one to standard output.
// `ask` names a function below and holds its arguments.
"use strict";
const fs = require("fs");
const input = JSON.parse(fs.readFileSync(0, "utf8"));
input.scripts.forEach(path => require(path));
const X = globalThis.CordbookExplorer;
if (input.evidence) (0, eval)(fs.readFileSync(input.evidence, "utf8"));
const E = input.evidence ? X.prepare(globalThis.CORDBOOK_EVIDENCE) : null;
const answer = question => {
  const found = X.choose(E, question);
  const pooled = X.pool(found.counted.map(r => r.events), found.counted.map(r => r.n), { model: question.model || "glmm", average: question.average });
  const same = pooled && X.sameEstimate(E, found.counted, question.model || "glmm", question.average);
  return {
    rows: found.counted.map(r => [r.id, r.events, r.n]), pooled, barred: found.barred.counts.length,
    reasons: Object.fromEntries(found.barred.reasons), unclear: found.unclear.length, within: found.within.length, same: same ? same.id : null
  };
};
const functions = {
  sides: ([cases, limits]) => cases.map(([x, n]) => X.reasonsNotToPool(X.pool(x, n, { model: "glmm" }), x, limits)),
  pool: cases => cases.map(([x, n, model, average]) => X.pool(x, n, { model, average })),
  averages: cases => cases.map(([mu, tau]) => X.average.of(mu, tau)),
  quantiles: () => ({
    normal: [1e-9, 0.001, 0.025, 0.3, 0.5, 0.975, 1 - 1e-9].map(p => [p, X.normalQuantile(p)]),
    student: [1, 2, 3, 10, 99, 24999].flatMap(df => [0.6, 0.9, 0.975, 0.9995].map(p => [df, p, X.studentQuantile(df, p)])),
    chi2: [1, 2, 5, 40, 400, 24999].flatMap(df => [0.1, 0.5, 1, 1.2, 3].map(s => [df, df * s, X.chi2Tail(df, df * s)])),
    exact: [[0, 1], [1, 1], [0, 252], [3, 7], [50, 100], [1, 100000], [99999, 100000]].map(([x, n]) => [x, n, ...X.exactInterval(x, n, 0.95)])
  }),
  answers: questions => questions.map(answer),
  starts: () => E.data.outcomes.map(o => [o.id, answer(X.startOf(E, o.id))]),
  declared: () => E.data.questions.map(q => [q.id, answer(X.questionOf(E, q.id))]),
  addresses: questions => questions.map(q => {
    const address = X.toAddress(E, q), back = X.fromAddress(E, address).question;
    return { address, again: X.toAddress(E, back), same: JSON.stringify(X.canonical(q)) === JSON.stringify(back), command: X.toCommand(q) };
  }),
  drawn: cases => cases.map(([data, question]) => {
    const found = X.choose(X.prepare(data), question);
    return { rows: found.rows.map(r => [r.arm, r.events, r.n]), unclear: found.unclear.length, within: found.within.length };
  }),
  naturals: questions => questions.map(q => {
    const found = X.naturalFor(E, q);
    return found ? found.id : null;
  }),
  curves: cases => cases.map(([curves, question, value]) => {
    const curve = X.curveOf({ data: { curves } }, question);
    return curve && { id: curve.id, rank: value === null ? null : X.rankOf(curve, value), words: X.standing(curve, value), drawn: X.curveMarks(curve, value, 720) };
  }),
  scores: questions => questions.map(q => {
    const found = X.answerScore(E.data, X.canonicalScore(E.data, q));
    return { rows: found.rows.map(r => [r.id, r.off, r.low, r.high, r.weight]), pooled: found.pooled, side: found.side, why: found.why, own: found.own, people: found.people };
  }),
  scoreAddresses: questions => questions.map(q => {
    const address = X.toScoreAddress(E.data, q), back = X.fromScoreAddress(E.data, address).question;
    return { address, same: JSON.stringify(X.canonicalScore(E.data, q)) === JSON.stringify(back), command: X.toScoreCommand(E.data, q) };
  }),
  readScores: hashes => hashes.map(hash => X.fromScoreAddress(E.data, hash)),
  effects: cases => cases.map(([y, v, model, ci]) => X.poolEffects(y, v, { model, ci })),
  amounts: values => values.map(X.amount),
  axes: lists => lists.map(X.spanAxis),
  csv: values => values.map(X.csvCell),
  reads: hashes => hashes.map(hash => X.fromAddress(E, hash)),
};
process.stdout.write(JSON.stringify(functions[input.ask](input.arguments)));
