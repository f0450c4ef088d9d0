# Makes means.json: effects of means and their pooling by metafor, models of several effects a study by rma.mv and clubSandwich.
# Run from this folder: Rscript means.R
suppressMessages({library(metafor); library(metadat); library(clubSandwich); library(jsonlite)})

# --- effects of means -----------------------------------------------------------------------------------------------------
arms <- c("m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i")
gibson <- subset(dat.gibson2002, !is.na(m1i) & !is.na(sd1i) & !is.na(m2i) & !is.na(sd2i))
curtis <- dat.curtis1998[seq(1, nrow(dat.curtis1998), 4), ]
curtis <- subset(curtis, n1i > 2 & n2i > 2)
cold <- with(dat.dagostino1998, data.frame(m1i = mt, sd1i = sdt, n1i = nt, m2i = mc, sd2i = sdc, n2i = nc))
cold <- cold[complete.cases(cold), ]
two_arms <- list(normand1999 = dat.normand1999, gibson2002 = gibson, curtis1998 = curtis, dagostino1998 = cold)
# Morris (2008), Organizational Research Methods 11:364-386, table 1.
morris_t <- data.frame(before = c(30.6, 23.5, 0.5, 53.4, 35.6), after = c(38.5, 26.8, 0.7, 75.9, 36.0),
  sd_before = c(15.0, 3.1, 0.1, 14.5, 4.7), sd_after = c(11.6, 4.1, 0.1, 4.4, 4.6), n = c(20, 50, 9, 10, 14), r = c(.47, .64, .77, .89, .44))
morris_c <- data.frame(before = c(23.1, 24.9, 0.6, 55.7, 34.8), after = c(19.7, 25.3, 0.6, 60.7, 33.4),
  sd_before = c(13.8, 4.1, 0.2, 17.3, 3.1), sd_after = c(14.8, 3.3, 0.2, 17.9, 6.9), n = c(20, 42, 9, 11, 14), r = c(.47, .64, .77, .89, .44))
changes <- list(morris2008_treated = morris_t, morris2008_control = morris_c)

plain <- function(e) list(yi = as.numeric(e$yi), vi = as.numeric(e$vi))
pooled <- function(yi, vi) {
  fits <- list()
  for (method in c("EE", "DL", "PM", "REML", "ML")) for (test in c("z", "knha", "adhoc")) {
    if (method == "EE" && test != "z") next
    f <- rma(yi, vi, method = method, test = test, control = list(threshold = 1e-12, maxiter = 5000, tol = 1e-12))
    p <- predict(f)
    fits[[paste(method, test, sep = "_")]] <- list(b = c(f$beta), se = f$se, lb = f$ci.lb, ub = f$ci.ub, p = f$pval, tau2 = f$tau2, I2 = f$I2,
      Q = f$QE, Qp = f$QEp, pi = if (method == "EE") NULL else c(p$pi.lb, p$pi.ub))
  }
  fits
}
out <- list(version = as.character(packageVersion("metafor")), two_arms = list(), changes = list(), single = list())
for (name in names(two_arms)) {
  d <- two_arms[[name]][, arms]; found <- list()
  for (m in c("MD", "SMD", "SMDH", "SMD1", "SMD1H", "ROM")) {
    if (m == "ROM" && any(d$m1i / d$m2i <= 0)) next
    e <- do.call(escalc, c(list(measure = m), as.list(d)))
    found[[m]] <- plain(e)
    # Bonett (2008), Psychological Methods 13:99-109, equations 8 and 12; escalc of later versions gives these, 3.8-1 others.
    if (m == "SMDH") found[[m]]$vi_bonett <- with(d, { s2 <- (sd1i^2 + sd2i^2) / 2
      c(e$yi)^2 * (sd1i^4 / (n1i - 1) + sd2i^4 / (n2i - 1)) / (8 * s2^2) + (sd1i^2 / (n1i - 1) + sd2i^2 / (n2i - 1)) / s2 })
    if (m == "SMD1H") found[[m]]$vi_bonett <- with(d, sd1i^2 / (sd2i^2 * (n1i - 1)) + 1 / (n2i - 1) + c(e$yi)^2 / (2 * (n2i - 1)))
    if (name == "normand1999") found[[m]]$fits <- pooled(e$yi, e$vi)
  }
  e <- escalc(measure = "MN", mi = m1i, sdi = sd1i, ni = n1i, data = d)
  found[["MN"]] <- plain(e)
  out$two_arms[[name]] <- list(data = as.list(d), effects = found)
}
for (name in names(changes)) {
  d <- changes[[name]]; found <- list()
  found$MC <- plain(escalc("MC", m1i = after, m2i = before, sd1i = sd_after, sd2i = sd_before, ni = n, ri = r, data = d))
  found$SMCC <- plain(escalc("SMCC", m1i = after, m2i = before, sd1i = sd_after, sd2i = sd_before, ni = n, ri = r, data = d))
  found$SMCR <- plain(escalc("SMCR", m1i = after, m2i = before, sd1i = sd_before, ni = n, ri = r, data = d))
  found$ROMC <- plain(escalc("ROMC", m1i = after, m2i = before, sd1i = sd_after, sd2i = sd_before, ni = n, ri = r, data = d))
  out$changes[[name]] <- list(data = as.list(d), effects = found)
}
# Leave-one-out and meta-regression of mean differences, by the same data.
e <- escalc("MD", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i, data = dat.normand1999)
f <- rma(yi, vi, data = e, control = list(threshold = 1e-12, maxiter = 5000))
l <- leave1out(f)
g <- rma(yi, vi, mods = ~ log(n1i + n2i), data = e, test = "knha", control = list(threshold = 1e-12, maxiter = 5000))
out$normand1999_md <- list(leave_one_out = list(estimate = l$estimate, se = l$se, tau2 = l$tau2),
  regression = list(b = c(g$beta), se = g$se, tau2 = g$tau2))

# --- several effects a study -------------------------------------------------------------------------------------------------
berkey <- dat.berkey1998
small <- data.frame(yi = dat.assink2016$yi[1:40], vi = dat.assink2016$vi[1:40], study = dat.assink2016$study[1:40], x = dat.assink2016$year[1:40])
sets <- list(
  konstantopoulos2011 = with(dat.konstantopoulos2011, data.frame(yi = as.numeric(yi), vi, study = district, x = year - 1990)),
  assink2016 = with(dat.assink2016, data.frame(yi = as.numeric(yi), vi, study, x = year)),
  assink2016_first = small,
  berkey1998 = with(berkey, data.frame(yi = as.numeric(yi), vi, study = trial, x = as.numeric(outcome == "PD"))))
# Each optimiser stops by a rule of its own; the highest likelihood among them is taken.
controls <- c(lapply(c(1e-14, 1e-13, 1e-12, 1e-11, 1e-10), function(tol) list(optimizer = "nlminb", rel.tol = tol, eval.max = 10000, iter.max = 10000)),
  lapply(c(1e-16, 1e-14, 1e-12), function(tol) list(optimizer = "optim", optmethod = "BFGS", reltol = tol, maxit = 10000)),
  lapply(c(1e-14, 1e-12, 1e-10), function(tol) list(optimizer = "optim", optmethod = "Nelder-Mead", reltol = tol, maxit = 10000)))
fitted_best <- function(...) {
  fits <- Filter(Negate(is.null), lapply(controls, function(ctl) tryCatch(suppressWarnings(rma.mv(..., control = ctl)), error = function(e) NULL)))
  fits[[which.max(sapply(fits, function(f) c(logLik(f))))]]
}
multilevel <- function(d, V, X, random) {
  d$effect <- seq_len(nrow(d))
  mods <- if (X) ~ x else ~ 1
  f <- fitted_best(d$yi, V, mods = mods, random = random, data = d)
  contain <- fitted_best(d$yi, V, mods = mods, random = random, data = d, test = "t", dfs = "contain")
  cr <- coef_test(f, vcov = "CR2", cluster = d$study, test = "Satterthwaite")
  ci <- conf_int(f, vcov = "CR2", cluster = d$study, test = "Satterthwaite", level = 0.95)
  W <- solve(if (is.matrix(V)) V else diag(V)); XX <- model.matrix(f)
  P <- W - W %*% XX %*% solve(t(XX) %*% W %*% XX) %*% t(XX) %*% W
  i2 <- 100 * f$sigma2 / (sum(f$sigma2) + (f$k - f$p) / sum(diag(P)))
  res <- list(b = c(f$beta), se = f$se, lb = f$ci.lb, ub = f$ci.ub, p = f$pval, sigma2 = f$sigma2, loglik = c(logLik(f)), Q = f$QE, Qp = f$QEp, i2 = i2,
    contain = list(df = c(contain$ddf), lb = contain$ci.lb, ub = contain$ci.ub, p = contain$pval),
    cr2 = list(se = cr$SE, df = if (is.null(cr$df_Satt)) cr$df else cr$df_Satt, p = cr$p_Satt, lb = ci$CI_L, ub = ci$CI_U))
  if (!X) { p <- predict(f); res$pi <- c(p$pi.lb, p$pi.ub); q <- predict(contain); res$pi_contain <- c(q$pi.lb, q$pi.ub) }
  res
}
nested <- ~ 1 | study / effect
out$multilevel <- list()
for (name in names(sets)) {
  d <- sets[[name]]; d$effect <- seq_len(nrow(d))
  R <- clubSandwich::impute_covariance_matrix(d$vi, cluster = d$study, r = 0.6, return_list = FALSE)
  out$multilevel[[name]] <- list(data = as.list(d[, c("yi", "vi", "study", "x")]),
    mean = multilevel(d, d$vi, FALSE, nested), slope = multilevel(d, d$vi, TRUE, nested), correlated = multilevel(d, R, FALSE, nested),
    effect_only = multilevel(d, d$vi, FALSE, ~ 1 | effect), study_only = multilevel(d, d$vi, FALSE, ~ 1 | study))
}
V <- as.matrix(Matrix::bdiag(lapply(split(berkey[, c("v1i", "v2i")], berkey$trial), as.matrix)))
out$berkey1998_known <- c(list(V = V), multilevel(sets$berkey1998, V, TRUE, nested))
writeLines(toJSON(out, digits = NA, auto_unbox = TRUE, null = "null", na = "null"), "means.json")
