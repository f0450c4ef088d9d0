# Profile-likelihood intervals of the variances of both levels, by metafor's confint(); the sets are those of means.R.
#   Rscript profile.R        (metafor, metadat, jsonlite)
suppressMessages({ library(metafor); library(metadat); library(jsonlite) })
sets <- fromJSON("means.json")$multilevel
# An optimiser may fail on the way along a profile: each limit is that of the strictest rule by which it could be had.
controls <- c(lapply(c(1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8), function(tol) list(optimizer = "nlminb", rel.tol = tol, eval.max = 10000, iter.max = 10000)),
  lapply(c(1e-14, 1e-12, 1e-10), function(tol) list(optimizer = "optim", optmethod = "BFGS", reltol = tol, maxit = 10000)))
limits <- function(...) {
  best <- NULL
  for (ctl in controls) {
    found <- tryCatch(suppressWarnings({ fit <- rma.mv(..., control = ctl); confint(fit, control = list(tol = 1e-11, maxiter = 10000, vc.max = 1000)) }), error = function(e) NULL)
    if (is.null(found)) next
    parts <- if (is.null(found$random)) found[seq_along(fit$sigma2)] else list(found)
    ends <- unname(do.call(rbind, lapply(parts, function(part) part$random[1, c("ci.lb", "ci.ub")])))
    if (is.null(best)) best <- ends else best[is.na(best)] <- ends[is.na(best)]
    if (!anyNA(best)) break
  }
  best
}
out <- list(version = as.character(packageVersion("metafor")))
for (name in names(sets)) {
  d <- as.data.frame(sets[[name]]$data); d$effect <- seq_len(nrow(d))
  R <- outer(d$study, d$study, "==") * 0.6; diag(R) <- 1; R <- R * sqrt(outer(d$vi, d$vi))
  fits <- list(mean = limits(d$yi, d$vi, random = ~ 1 | study / effect, data = d),
    slope = limits(d$yi, d$vi, mods = ~ x, random = ~ 1 | study / effect, data = d),
    correlated = limits(d$yi, R, random = ~ 1 | study / effect, data = d),
    effect_only = limits(d$yi, d$vi, random = ~ 1 | effect, data = d),
    study_only = limits(d$yi, d$vi, random = ~ 1 | study, data = d))
  out[[name]] <- fits
}
writeLines(toJSON(out, digits = NA, auto_unbox = TRUE, na = "null"), "profile.json")
