# Makes metadat.json: pooled proportions and comparisons of nearly every set of counts in the package metadat, fitted by metafor.
# Run from this folder: Rscript metadat.R
suppressMessages({library(metafor); library(metadat); library(jsonlite)})
singles <- list(); pairs <- list()
counts <- function(x, n) !is.na(x) & !is.na(n) & n > 0 & x >= 0 & x <= n & x == round(x) & n == round(n)
single <- function(name, x, n) {
  ok <- counts(x, n)
  if (sum(ok) >= 3 && sum(ok) <= 150) singles[[name]] <<- list(events = x[ok], n = n[ok])
}
pair <- function(name, a, n1, c, n2) {
  ok <- counts(a, n1) & counts(c, n2)
  if (sum(ok) < 3 || sum(ok) > 60) return()
  pairs[[name]] <<- list(ai = a[ok], n1i = n1[ok], ci = c[ok], n2i = n2[ok])
  single(paste0(name, "_1"), a, n1)
  single(paste0(name, "_2"), c, n2)
}
for (set in grep("^dat\\.", ls("package:metadat"), value = TRUE)) {
  d <- get(set); name <- sub("dat\\.", "", set)
  if (!is.data.frame(d)) next
  if (all(c("ai", "n1i", "ci", "n2i") %in% names(d))) {
    parts <- if (name == "yusuf1985") split(d, d$table) else list(d)
    for (i in seq_along(parts)) with(parts[[i]], pair(if (length(parts) > 1) paste0(name, "_table", names(parts)[i]) else name, ai, n1i, ci, n2i))
  }
  if (all(c("xi", "ni") %in% names(d))) single(name, d$xi, d$ni)
}
with(dat.axfors2021, pair("axfors2021", hcq_arm_event, hcq_arm_total, control_arm_event, control_arm_total))
with(dat.colditz1994, pair("colditz1994", tpos, tpos + tneg, cpos, cpos + cneg))
with(dat.collins1985a, pair("collins1985a_b", b.xti, nti, b.xci, nci))
with(dat.collins1985a, pair("collins1985a_d", d.xti, nti, d.xci, nci))
with(dat.collins1985b, pair("collins1985b", pre.xti, pre.nti, pre.xci, pre.nci))
with(dat.damico2009, pair("damico2009", xt, nt, xc, nc))
with(dat.dorn2007, pair("dorn2007", x.a, n.a, x.p, n.p))
with(dat.hartmannboyce2018[1:56, ], pair("hartmannboyce2018", x.nrt, n.nrt, x.ctrl, n.ctrl))
with(dat.landenberger2005, pair("landenberger2005", n.cbt.rec, n.cbt.rec + n.cbt.non, n.ctrl.rec, n.ctrl.rec + n.ctrl.non))
with(dat.vanhowe1999, pair("vanhowe1999", non.pos, non.pos + non.neg, cir.pos, cir.pos + cir.neg))
with(dat.viechtbauer2021, pair("viechtbauer2021", xTi, nTi, xCi, nCi))
with(dat.kearon1998, single("kearon1998_sensitivity", tp, np))
with(dat.baker2009, single("baker2009", exac, total))
with(dat.dong2013, single("dong2013", death, randomized))
with(dat.dogliotti2014, single("dogliotti2014", stroke, total))
with(dat.obrien2003, single("obrien2003", cases, total))

fit <- function(es, method, test = "z") {
  control <- if (method == "PM") list(tol = 1e-13, maxiter = 10000) else list(threshold = 1e-12, maxiter = 10000, stepadj = 0.5)
  r <- tryCatch(suppressWarnings(rma(yi, vi, data = es, method = method, test = test, control = control)), error = function(e) NULL)
  if (is.null(r)) return(NULL)
  p <- suppressWarnings(predict(r))
  c(r$beta, r$se, r$ci.lb, r$ci.ub, r$tau2, r$QE, r$I2, if (method == "FE") NULL else c(p$pi.lb, p$pi.ub))
}
all_fits <- function(es) {
  if (any(es$vi <= 0)) return(NULL)
  list(FE = fit(es, "FE"), DL = fit(es, "DL"), PM = fit(es, "PM", "knha"), REML = fit(es, "REML", "knha"), ML = fit(es, "ML"))
}
for (name in names(singles)) {
  d <- singles[[name]]
  for (m in c("PLO", "PAS", "PFT", "PR")) singles[[name]][[m]] <- all_fits(escalc(measure = m, xi = d$events, ni = d$n))
  g <- tryCatch(suppressWarnings(rma.glmm(measure = "PLO", xi = d$events, ni = d$n, nAGQ = 25)), error = function(e) NULL)
  if (!is.null(g)) singles[[name]]$GLMM <- c(g$beta, g$se, g$tau2, g$QE.LRT)
}
for (name in names(pairs)) {
  d <- pairs[[name]]
  for (m in c("OR", "RR", "RD")) {
    pairs[[name]][[m]] <- all_fits(escalc(measure = m, ai = d$ai, n1i = d$n1i, ci = d$ci, n2i = d$n2i))
    mh <- tryCatch(suppressWarnings(rma.mh(measure = m, ai = d$ai, n1i = d$n1i, ci = d$ci, n2i = d$n2i)), error = function(e) NULL)
    if (!is.null(mh)) pairs[[name]][[m]]$MH <- c(mh$beta, mh$se, mh$QE)
  }
  p <- tryCatch(suppressWarnings(rma.peto(ai = d$ai, n1i = d$n1i, ci = d$ci, n2i = d$n2i)), error = function(e) NULL)
  if (!is.null(p)) pairs[[name]]$PETO <- c(p$beta, p$se, p$QE)
}
software <- paste0("R ", getRversion(), " metafor ", packageVersion("metafor"), " metadat ", packageVersion("metadat"))
write_json(list(software = software, singles = singles, pairs = pairs), "metadat.json", auto_unbox = TRUE, digits = 10, null = "null", na = "null")
