# Reference values for regression, subgroups, influence, cumulative, small-study effects, trim and fill, selection models.
# Run from this folder: Rscript why.R     It writes why.json beside itself.
suppressMessages({library(metafor); library(metadat); library(lme4); library(jsonlite)})
options(digits = 17)
# Tight settings so that iterative fits are good to far more digits than the tests compare.
tight <- list(threshold = 1e-12, maxiter = 10000, tol = 1e-14)

num <- function(x) unname(as.numeric(x))
bcg <- dat.bcg
rr <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = bcg)
or <- escalc(measure = "OR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = bcg)
as_ <- escalc(measure = "AS", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = bcg)
out <- list(software = paste0(R.version.string, ", metafor ", packageVersion("metafor"), ", metadat ", packageVersion("metadat"),
                              ", lme4 ", packageVersion("lme4")))
out$data <- list(
  bcg = list(yi = num(rr$yi), vi = num(rr$vi), ablat = bcg$ablat, year = bcg$year, alloc = bcg$alloc,
             tpos = bcg$tpos, tneg = bcg$tneg, cpos = bcg$cpos, cneg = bcg$cneg, ni = num(attr(rr$yi, "ni"))),
  bcg_or = list(yi = num(or$yi), vi = num(or$vi)),
  bcg_as = list(yi = num(as_$yi), vi = num(as_$vi)),
  hackshaw = list(yi = num(dat.hackshaw1998$yi), vi = num(dat.hackshaw1998$vi), year = dat.hackshaw1998$year))

# --- meta-regression ---------------------------------------------------------------------------------------------------------
fit_list <- function(f) list(beta = num(f$beta), se = num(f$se), zval = num(f$zval), pval = num(f$pval), ci_lb = num(f$ci.lb),
  ci_ub = num(f$ci.ub), vb = unname(f$vb), QM = num(f$QM), QMp = num(f$QMp), QMdf = num(f$QMdf), QE = num(f$QE), QEp = num(f$QEp),
  tau2 = num(f$tau2), I2 = num(f$I2), H2 = num(f$H2), R2 = num(f$R2))
mods <- list(ablat = ~ ablat, ablat_year = ~ ablat + year, alloc = ~ alloc, ablat_alloc = ~ ablat + alloc)
newmods <- list(ablat = cbind(c(13, 33, 44)), ablat_year = cbind(c(13, 33), c(1960, 1970)), alloc = rbind(c(0, 0), c(1, 0), c(0, 1)),
                ablat_alloc = rbind(c(33, 0, 0), c(13, 0, 1)))
out$regression <- list()
for (m in names(mods)) for (method in c("FE", "DL", "PM", "REML", "ML")) for (test in c("z", "knha")) {
  f <- rma(yi, vi, mods = mods[[m]], data = rr, method = method, test = test, control = tight)
  p <- predict(f, newmods = newmods[[m]])
  r <- fit_list(f)
  r$pred <- list(pred = num(p$pred), se = num(p$se), ci_lb = num(p$ci.lb), ci_ub = num(p$ci.ub), pi_lb = num(p$pi.lb), pi_ub = num(p$pi.ub))
  out$regression[[paste(m, method, test, sep = "_")]] <- r
}
out$regression$no_intercept_alloc_REML_z <- fit_list(rma(yi, vi, mods = ~ alloc - 1, data = rr, control = tight))
# Order of the list: which term the joint test is of (columns of a categorical moderator taken together).
out$term_tests <- list()
for (test in c("z", "knha")) {
  f <- rma(yi, vi, mods = ~ ablat + alloc, data = rr, test = test, btt = 3:4, control = tight)
  out$term_tests[[test]] <- list(QM = num(f$QM), QMp = num(f$QMp), QMdf = num(f$QMdf))
}

# --- permutation test, all permutations --------------------------------------------------------------------------------------
perm <- function(f) { p <- permutest(f, exact = TRUE, progbar = FALSE); list(pval = num(p$pval), QMp = num(p$QMp), n = NROW(p$zval.perm)) }
out$permutation <- list(
  first6_ablat_REML_z = perm(rma(yi, vi, mods = ~ ablat, data = rr[1:6, ], control = tight)),
  first6_ablat_REML_knha = perm(rma(yi, vi, mods = ~ ablat, data = rr[1:6, ], test = "knha", control = tight)),
  random_DL_z = perm(rma(yi, vi, mods = ~ I(alloc == "random"), data = rr, method = "DL")),
  first6_ablat_year_DL_z = perm(rma(yi, vi, mods = ~ ablat + year, data = rr[1:6, ], method = "DL")),
  first8_mean_DL_z = perm(rma(yi, vi, data = rr[1:8, ], method = "DL")))

# --- influence, Baujat, leave-one-out, cumulative ----------------------------------------------------------------------------
infl <- function(f) {
  i <- influence(f); pdf(NULL); b <- baujat(f); dev.off()
  c(lapply(unclass(i$inf)[c("rstudent", "dffits", "cook.d", "cov.r", "tau2.del", "QE.del", "hat", "weight")], num),
    list(dfbs = unname(lapply(unclass(i$dfbs)[setdiff(names(unclass(i$dfbs)), c("slab", "digits"))], num)), is_infl = unname(i$is.infl),
         baujat_x = num(b$x), baujat_y = num(b$y)))
}
out$influence <- list(
  mean_REML_z = infl(rma(yi, vi, data = rr, control = tight)),
  mean_REML_knha = infl(rma(yi, vi, data = rr, test = "knha", control = tight)),
  mean_DL_z = infl(rma(yi, vi, data = rr, method = "DL")),
  mean_FE_z = infl(rma(yi, vi, data = rr, method = "FE")),
  ablat_REML_z = infl(rma(yi, vi, mods = ~ ablat, data = rr, control = tight)),
  ablat_REML_knha = infl(rma(yi, vi, mods = ~ ablat, data = rr, test = "knha", control = tight)))
loo <- function(f) { l <- leave1out(f); list(estimate = num(l$estimate), se = num(l$se), ci_lb = num(l$ci.lb), ci_ub = num(l$ci.ub),
  Q = num(l$Q), tau2 = num(l$tau2), I2 = num(l$I2), H2 = num(l$H2)) }
out$leave1out <- list(REML_knha = loo(rma(yi, vi, data = rr, test = "knha", control = tight)),
                      PM_z = loo(rma(yi, vi, data = rr, method = "PM", control = tight)),
                      FE_z = loo(rma(yi, vi, data = rr, method = "FE")))
cum <- function(f, order) { l <- cumul(f, order = order); list(estimate = num(l$estimate), se = num(l$se), ci_lb = num(l$ci.lb),
  ci_ub = num(l$ci.ub), tau2 = num(l$tau2), I2 = num(l$I2)) }
out$cumulative <- list(REML_knha_year = cum(rma(yi, vi, data = rr, test = "knha", control = tight), rr$year),
                       # Half steps: with full ones Fisher scoring swings to and fro on some of these.
                       nielweise_treated_REML_z = cum(rma(measure = "PLO", xi = ai, ni = n1i, data = dat.nielweise2007,
                         control = list(threshold = 1e-12, maxiter = 10000, stepadj = 0.5)), seq_len(18)),
                       DL_z_vi = cum(rma(yi, vi, data = rr, method = "DL"), rr$vi))

# --- small-study effects -----------------------------------------------------------------------------------------------------
reg <- function(r) list(z = num(r$zval), p = num(r$pval), df = num(if (is.null(r$dfs)) NA else r$dfs), limit = num(r$est), limit_ci = num(c(r$ci.lb, r$ci.ub)))
out$regtest <- list()
for (pred in c("sei", "vi", "ni", "ninv", "sqrtninv")) {
  out$regtest[[paste0("lm_", pred)]] <- reg(regtest(rr$yi, rr$vi, ni = out$data$bcg$ni, model = "lm", predictor = pred))
  for (method in c("REML", "DL")) for (test in c("z", "knha"))
    out$regtest[[paste("rma", pred, method, test, sep = "_")]] <-
      reg(regtest(rma(yi, vi, data = rr, method = method, test = test, control = tight), predictor = pred))
}
lm_test <- function(f) { s <- coef(summary(f)); list(z = num(s[2, 3]), p = num(s[2, 4]), df = f$df.residual, slope = num(s[2, 1]), intercept = num(s[1, 1])) }
# Peters 2006: log odds ratio on 1/n, weights 1 / (1/events + 1/non-events) of both arms together.
ev <- bcg$tpos + bcg$cpos; non <- bcg$tneg + bcg$cneg
out$peters <- list(bcg = lm_test(lm(or$yi ~ I(1 / (ev + non)), weights = 1 / (1 / ev + 1 / non))))
nw <- dat.nielweise2007
nwor <- escalc(measure = "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = nw)
ev <- nw$ai + nw$ci; non <- nw$n1i + nw$n2i - ev
keep <- ev > 0
out$data$nielweise <- list(ai = nw$ai, n1i = nw$n1i, ci = nw$ci, n2i = nw$n2i, yi = num(nwor$yi), vi = num(nwor$vi))
out$peters$nielweise <- lm_test(lm(nwor$yi[keep] ~ I(1 / (ev + non)[keep]), weights = (1 / (1 / ev + 1 / non))[keep]))
# Ruecker 2008: arcsine differences; Egger (lm) and with an additive between-study variance (method of moments).
nwas <- escalc(measure = "AS", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = nw)
out$arcsine <- list(
  bcg_lm = reg(regtest(as_$yi, as_$vi, model = "lm")), bcg_rma_DL = reg(regtest(rma(yi, vi, data = as_, method = "DL"))),
  bcg_rma_REML = reg(regtest(rma(yi, vi, data = as_, control = tight))),
  nielweise_lm = reg(regtest(nwas$yi, nwas$vi, model = "lm")), nielweise_rma_DL = reg(regtest(rma(yi, vi, data = nwas, method = "DL"))))

# --- trim and fill -----------------------------------------------------------------------------------------------------------
tf <- function(t) list(k0 = num(t$k0), se_k0 = num(t$se.k0), side = t$side, p_k0 = num(t$p.k0), estimate = num(t$beta), se = num(t$se),
  ci_lb = num(t$ci.lb), ci_ub = num(t$ci.ub), tau2 = num(t$tau2), yi = num(t$yi), vi = num(t$vi))
out$trimfill <- list()
for (d in c("bcg", "bcg_or", "hackshaw")) for (method in c("FE", "DL", "REML")) for (est in c("L0", "R0", "Q0")) for (side in c("auto", "left", "right")) {
  x <- out$data[[d]]
  f <- rma(x$yi, x$vi, method = method, control = tight)
  t <- try(if (side == "auto") trimfill(f, estimator = est) else trimfill(f, estimator = est, side = side), silent = TRUE)
  if (!inherits(t, "try-error")) out$trimfill[[paste(d, method, est, side, sep = "_")]] <- tf(t)
}

# --- selection models: a step function of the one-sided p-value --------------------------------------------------------------
sel <- function(d, method, alternative, steps) {
  x <- out$data[[d]]
  f <- rma(x$yi, x$vi, method = method, control = tight)
  s <- selmodel(f, type = "stepfun", alternative = alternative, steps = steps, control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-15, maxit = 5000, delta.max = 1000))
  list(beta = num(s$beta), se = num(s$se), ci = num(c(s$ci.lb, s$ci.ub)), tau2 = num(s$tau2), se_tau2 = num(s$se.tau2),
       delta = num(s$delta), se_delta = num(s$se.delta), ll = num(logLik(s)), LRT = num(s$LRT), LRTdf = num(s$LRTdf), LRTp = num(s$LRTp))
}
out$selection <- list(
  hackshaw_ML_greater_025 = sel("hackshaw", "ML", "greater", .025),
  hackshaw_FE_greater_025 = sel("hackshaw", "FE", "greater", .025),
  hackshaw_ML_greater_05_50 = sel("hackshaw", "ML", "greater", c(.05, .5)),
  bcg_ML_less_025 = sel("bcg", "ML", "less", .025),
  bcg_FE_less_025 = sel("bcg", "FE", "less", .025),
  bcg_ML_less_10 = sel("bcg", "ML", "less", .10))

# --- subgroups ---------------------------------------------------------------------------------------------------------------
groups <- sort(unique(bcg$alloc))
out$subgroups <- list(groups = groups)
for (method in c("FE", "DL", "REML")) for (test in c("z", "knha")) {
  fits <- lapply(groups, function(g) rma(yi, vi, data = rr, subset = alloc == g, method = method, test = test, control = tight))
  est <- sapply(fits, function(f) num(f$beta)); se <- sapply(fits, function(f) num(f$se))
  b <- rma(est, sei = se, mods = ~ factor(groups), method = "FE")
  out$subgroups[[paste(method, test, sep = "_")]] <- list(estimate = est, se = se, tau2 = sapply(fits, function(f) num(f$tau2)),
    ci_lb = sapply(fits, function(f) num(f$ci.lb)), ci_ub = sapply(fits, function(f) num(f$ci.ub)), QB = num(b$QM), QBp = num(b$QMp), df = 2)
}

# --- binomial-normal regression ----------------------------------------------------------------------------------------------
bin <- data.frame(x = bcg$cpos, n = bcg$cpos + bcg$cneg, ablat = bcg$ablat, alloc = bcg$alloc, year = bcg$year, study = factor(bcg$trial))
glmm <- function(formula, data) {
  f <- glmer(formula, data = data, family = binomial, nAGQ = 50,
             control = glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5)))
  # glmer's own standard errors come from coarse finite differences (right to about 1e-3). These come from numDeriv's Hessian of
  # the likelihood, integrated by the trapezoidal rule on 4,001 points over 12 standard deviations of the random effect.
  X <- getME(f, "X"); y <- model.response(model.frame(f)); x <- y[, 1]; n <- rowSums(y)
  z <- seq(-12, 12, length.out = 4001); w <- dnorm(z) * (z[2] - z[1])
  loglik <- function(par) {
    tau <- par[length(par)]; eta <- drop(X %*% par[-length(par)])
    sum(sapply(seq_along(x), function(i) log(sum(w * dbinom(x[i], n[i], plogis(eta[i] + tau * z))))))
  }
  par <- c(num(fixef(f)), sqrt(VarCorr(f)$study[1]))
  se <- sqrt(diag(solve(-numDeriv::hessian(loglik, par))))
  list(beta = num(fixef(f)), se = num(se[-length(se)]), tau2 = num(VarCorr(f)$study[1]), loglik = num(loglik(par)))
}
bin$ablat10 <- (bin$ablat - 35) / 10   # scaled: the optimiser of glmer needs it; the tests undo it
out$glmm <- list(
  mean = glmm(cbind(x, n - x) ~ 1 + (1 | study), bin),
  ablat = glmm(cbind(x, n - x) ~ ablat10 + (1 | study), bin),
  alloc = glmm(cbind(x, n - x) ~ alloc + (1 | study), bin),
  ablat_alloc = glmm(cbind(x, n - x) ~ ablat10 + alloc + (1 | study), bin))
m <- rma.glmm(measure = "PLO", xi = x, ni = n, mods = ~ ablat10, data = bin, nAGQ = 50)
out$glmm$ablat_metafor <- list(beta = num(m$beta), se = num(m$se), tau2 = num(m$tau2), QM = num(m$QM))
out$glmm$nielweise_control <- local({ d <- data.frame(x = nw$ci, n = nw$n2i, z = rep(c(0, 1), 9), study = factor(seq_len(18)))
  c(list(moderator = d$z), glmm(cbind(x, n - x) ~ z + (1 | study), d)) })
for (g in groups) out$glmm[[paste0("group_", g)]] <- glmm(cbind(x, n - x) ~ 1 + (1 | study), bin[bin$alloc == g, ])

write_json(out, "why.json", digits = NA, auto_unbox = TRUE, na = "null", pretty = FALSE)
