# Makes core.json: reference values of the synthesis core that metafor.json does not hold.
# Run from this folder: Rscript core.R
suppressMessages({library(metafor); library(lme4); library(jsonlite)})

sets <- list(
  nielweise2007_treated = list(
    events = c(0,1,2,0,5,1,1,1,1,1,0,0,3,6,0,0,1,4),
    n = c(116,44,208,130,151,98,174,74,97,113,66,70,188,187,118,252,345,64)),
  pritz1997 = list(
    events = c(16,10,4,43,10,25,13,12,22,4,5,18,58,6),
    n = c(17,12,8,58,10,42,14,12,41,5,6,23,68,10)),
  # Made-up counts: many small series without events and a few with several.
  sparse = list(
    events = c(rep(0, 11), 13, 9, 4, 1, rep(0, 14)),
    n = c(10,13,4,20,9,8,20,14,8,39,297,29,17,12,20,7,8,16,7,10,15,8,180,7,226,20,25,3,6)),
  # Made-up counts: large studies that differ by more than chance, on both sides of one half.
  large = list(events = c(5210, 800, 91000, 33, 1200), n = c(10400, 1250, 200000, 60, 3100)),
  # Two studies only.
  pair = list(events = c(3, 12), n = c(40, 35)))

out <- list(software = paste0("R ", getRversion(), " metafor ", packageVersion("metafor"), " lme4 ", packageVersion("lme4")))
for (name in names(sets)) {
  x <- sets[[name]]$events; n <- sets[[name]]$n; k <- length(x)
  es <- escalc(measure = "PLO", xi = x, ni = n)
  reml <- rma(yi, vi, data = es, method = "REML", control = list(threshold = 1e-12, maxiter = 1000))
  fit <- glmer(cbind(x, n - x) ~ 1 + (1 | s), data = data.frame(x, n, s = factor(seq_len(k))), family = binomial, nAGQ = 100,
               control = glmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.1, rhoend = 1e-9, maxfun = 1e5)))
  ours <- list(events = x, n = n, estimate = unname(fixef(fit)), tau = unname(sqrt(VarCorr(fit)$s[1, 1])),
               se = sqrt(vcov(fit)[1, 1]), loglik_less_saturated = as.numeric(logLik(fit)))
  profile_ci <- tryCatch(suppressWarnings(confint(fit, method = "profile", quiet = TRUE)), error = function(e) NULL)
  if (!is.null(profile_ci) && all(is.finite(profile_ci))) ours$profile <- list(tau = profile_ci[1, ], mu = profile_ci[2, ])
  # uniroot's own tolerance is 1e-4; these limits are solved to rounding.
  ours$qprofile <- unname(confint(reml, control = list(tol = 1e-13, maxiter = 10000, tau2.max = 1e5))$random[1, ])
  ours$adhoc <- with(rma(yi, vi, data = es, method = "REML", test = "adhoc", control = list(threshold = 1e-12)),
                     list(se = se, ci = c(ci.lb, ci.ub)))
  reml_t <- predict(rma(yi, vi, data = es, method = "REML", test = "knha", control = list(threshold = 1e-12)), level = 90)
  ours$knha90 <- list(ci = c(reml_t$ci.lb, reml_t$ci.ub), pi = c(reml_t$pi.lb, reml_t$pi.ub))
  out$glmm[[name]] <- ours
}

# tau2 with moderators: the BCG trials of metadat, log risk ratio on absolute latitude and year.
bcg <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = metadat::dat.bcg)
out$bcg <- list(yi = as.numeric(bcg$yi), vi = as.numeric(bcg$vi), ablat = bcg$ablat, year = bcg$year)
for (method in c("DL", "PM", "REML", "ML")) {
  ctrl <- list(threshold = 1e-13, maxiter = 10000, tol = 1e-13)
  out$bcg[[method]] <- list(
    none = rma(yi, vi, data = bcg, method = method, control = ctrl)$tau2,
    ablat = rma(yi, vi, mods = ~ ablat, data = bcg, method = method, control = ctrl)$tau2,
    both = rma(yi, vi, mods = ~ ablat + year, data = bcg, method = method, control = ctrl)$tau2)
}
ablat <- rma(yi, vi, mods = ~ ablat, data = bcg, method = "REML", control = list(threshold = 1e-12))
out$bcg$ablat_reml <- list(QE = ablat$QE, QEp = ablat$QEp, I2 = ablat$I2, H2 = ablat$H2,
  qprofile = unname(confint(ablat, control = list(tol = 1e-13, maxiter = 10000))$random[1, ]))
small <- list(yi = c(0.2, 0.5, 1.1, -0.3), vi = c(0.05, 0.08, 0.1, 0.06))
out$small <- c(small, sapply(c("DL", "PM", "REML", "ML"), function(m)
  rma(small$yi, small$vi, method = m, control = list(threshold = 1e-13, maxiter = 10000, tol = 1e-13))$tau2, simplify = FALSE))
write_json(out, "core.json", auto_unbox = TRUE, digits = 17, pretty = TRUE, null = "null")
