# Reference values for two arms that metafor.json does not hold: the conditional binomial-normal models for odds ratios
# (rma.glmm, exact CM.EL and approximate CM.AL), Mantel-Haenszel and Peto on further data sets.
# Run:  Rscript two_arm_glmm.R > two_arm_glmm.json
suppressMessages({library(metafor); library(metadat); library(jsonlite)})
options(warn = -1)

collins <- data.frame(ai = dat.collins1985a$b.xti, n1i = dat.collins1985a$nti, ci = dat.collins1985a$b.xci, n2i = dat.collins1985a$nci)
# As analysed by van Houwelingen, Zwinderman and Stijnen (1993): control against treatment.
collins_reversed <- data.frame(ai = collins$ci, n1i = collins$n2i, ci = collins$ai, n2i = collins$n1i)
yusuf <- subset(dat.yusuf1985, table == "6")
yusuf <- yusuf[!is.na(yusuf$ai) & !is.na(yusuf$ci), ]
bcg <- data.frame(ai = dat.bcg$tpos, n1i = dat.bcg$tpos + dat.bcg$tneg, ci = dat.bcg$cpos, n2i = dat.bcg$cpos + dat.bcg$cneg)
sets <- list(
  nielweise2007 = dat.nielweise2007, hine1989 = dat.hine1989, bcg = bcg,
  collins1985a = collins_reversed, yusuf1985_table6 = yusuf,
  # pre-eclampsia, as in Viechtbauer (2007), Statistics in Medicine 26:37-52
  collins1985b = data.frame(ai = dat.collins1985b$pre.xti, n1i = dat.collins1985b$pre.nti, ci = dat.collins1985b$pre.xci, n2i = dat.collins1985b$pre.nci),
  # the 17 trials of Viechtbauer (2007), Zeitschrift fuer Psychologie 215:104-121
  linde2005_17 = dat.linde2005[c(7:10, 13:25), ]
)
sets <- lapply(sets, function(x) {
  x <- as.data.frame(x)[, c("ai", "n1i", "ci", "n2i")]
  x[complete.cases(x), ]
})

one <- function(res) list(
  estimate = c(res$beta), se = res$se, ci = c(res$ci.lb, res$ci.ub), tau2 = res$tau2, k = res$k,
  log_likelihood = c(logLik(res))
)
attempt <- function(expr) tryCatch(expr, error = function(e) list(error = conditionMessage(e)))

out <- list(software = list(R = paste(R.version$major, R.version$minor, sep = "."),
  metafor = as.character(packageVersion("metafor")), metadat = as.character(packageVersion("metadat")),
  lme4 = as.character(packageVersion("lme4")), BiasedUrn = as.character(packageVersion("BiasedUrn"))))
# rma.glmm runs with its own optimisers (nlminb, tighter than its default, reports false convergence on these likelihoods).
tight <- list(glmerCtrl = list(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-9)))

# The same two likelihoods written out: the integral over the random effect by the trapezoid rule on 2,001 points within
# 9 standard deviations, maximised by nlminb in (mean, tau), then the inverse Hessian (numDeriv). Independent of metafor.
exact_kernel <- function(theta, x, n1, n2, m) {
  s <- max(0, m - n2):min(m, n1)
  w <- lchoose(n1, s) + lchoose(n2, m - s)
  e <- outer(theta, s) + rep(w, each = length(theta))
  top <- apply(e, 1, max)
  w[s == x] + x * theta - top - log(rowSums(exp(e - top)))
}
approximate_kernel <- function(theta, x, n1, n2, m) dbinom(x, m, plogis(log(n1 / n2) + theta), log = TRUE)
grid <- seq(-9, 9, length.out = 2001)
negative <- function(par, d, kernel) {
  mu <- par[1]; tau <- if (length(par) > 1) par[2] else 0
  -sum(mapply(function(x, n1, m, n2) {
    if (tau == 0) return(kernel(mu, x, n1, n2, m))
    l <- kernel(mu + tau * grid, x, n1, n2, m) + dnorm(grid, log = TRUE)
    max(l) + log(sum(exp(l - max(l)))) + log(grid[2] - grid[1])
  }, d$ai, d$n1i, d$ai + d$ci, d$n2i))
}
polish <- function(par, d, kernel) { # two Newton steps: nlminb stops when the likelihood, not the estimate, has settled
  for (i in 1:2) par <- par - solve(numDeriv::hessian(negative, par, d = d, kernel = kernel), numDeriv::grad(negative, par, d = d, kernel = kernel))
  c(par)
}
direct <- function(d, kernel) {
  d <- d[d$ai + d$ci > 0 & d$ai + d$ci < d$n1i + d$n2i, ]
  ee <- nlminb(0, negative, d = d, kernel = kernel, control = list(rel.tol = 1e-13))
  ee$par <- polish(ee$par, d, kernel)
  se0 <- 1 / sqrt(numDeriv::hessian(negative, ee$par, d = d, kernel = kernel)[1])
  ml <- nlminb(c(ee$par, 0.4), negative, d = d, kernel = kernel, lower = c(-Inf, 0), control = list(rel.tol = 1e-13))
  boundary <- ee$objective - ml$objective < 1e-7
  if (!boundary) ml$par <- polish(ml$par, d, kernel)
  se <- if (boundary) se0 else sqrt(solve(numDeriv::hessian(negative, ml$par, d = d, kernel = kernel))[1, 1])
  list(k = nrow(d),
    EE = list(estimate = ee$par, se = se0, log_likelihood = -ee$objective),
    ML = list(estimate = if (boundary) ee$par else ml$par[1], se = se, tau2 = if (boundary) 0 else ml$par[2]^2, log_likelihood = -ml$objective))
}
for (name in names(sets)) {
  d <- sets[[name]]
  fits <- list()
  if (name != "bcg") { # its arms of 88,391 make R's exact likelihood too slow to be of use here
    fits$CM.EL_ML <- attempt(one(rma.glmm(measure = "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d, model = "CM.EL")))
    fits$CM.EL_EE <- attempt(one(rma.glmm(measure = "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d, model = "CM.EL", method = "EE")))
  }
  fits$CM.AL_ML <- attempt(one(rma.glmm(measure = "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d, model = "CM.AL", nAGQ = 50, control = tight)))
  fits$CM.AL_EE <- attempt(one(rma.glmm(measure = "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d, model = "CM.AL", method = "EE", control = list(glmCtrl = list(epsilon = 1e-14)))))
  if (name != "bcg") fits$direct_exact <- direct(d, exact_kernel)
  fits$direct_approximate <- direct(d, approximate_kernel)
  for (m in c("OR", "RR", "RD")) {
    r <- rma.mh(measure = m, ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d)
    fits[[paste0("MH_", m)]] <- list(estimate = c(r$beta), se = r$se, ci = c(r$ci.lb, r$ci.ub), Q = r$QE, Qp = r$QEp, I2 = r$I2)
  }
  # metafor.json's Paule-Mandel fits stop at uniroot's default tolerance (1.2e-4 in tau2); these go on to the root.
  for (m in c("OR", "RR", "RD")) for (test in c("z", "knha")) {
    r <- rma(measure = m, ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d, method = "PM", test = test, control = list(tol = 1e-13))
    pi <- predict(r)
    fits[[paste(m, "PM", test, sep = "_")]] <- list(estimate = c(r$beta), se = r$se, ci = c(r$ci.lb, r$ci.ub), tau2 = r$tau2,
      Q = r$QE, Qp = r$QEp, I2 = r$I2, H2 = r$H2, back = list(pi = c(pi$pi.lb, pi$pi.ub)))
  }
  r <- rma.peto(ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d)
  fits$PETO <- list(estimate = c(r$beta), se = r$se, ci = c(r$ci.lb, r$ci.ub), Q = r$QE, Qp = r$QEp, I2 = r$I2)
  out$sets[[name]] <- c(as.list(d), list(fits = fits))
}
cat(toJSON(out, digits = 15, auto_unbox = TRUE, null = "null", na = "null", pretty = TRUE))
