# Makes dose_response.json: fits of grouped binomial dose-response by glm, lme4::glmer, MASS::dose.p and brglm2.
# Run: Rscript dose_response.R > dose_response.json
suppressMessages({library(lme4); library(MASS); library(brglm2); library(jsonlite)})

fixed <- function(d, link) {
  fit <- glm(cbind(events, n - events) ~ dose, family = binomial(link), data = d,
             control = glm.control(epsilon = 1e-14, maxit = 200))
  ed <- dose.p(fit, p = c(0.05, 0.5))
  list(beta = unname(coef(fit)), vcov = unname(vcov(fit)), loglik = as.numeric(logLik(fit)), deviance = deviance(fit),
       pearson = sum(residuals(fit, "pearson")^2), ed05 = as.numeric(ed)[1], ed05_se = attr(ed, "SE")[1],
       ed50 = as.numeric(ed)[2], ed50_se = attr(ed, "SE")[2])
}
mixed <- function(d, link) {
  fit <- glmer(cbind(events, n - events) ~ dose + (1 | study), family = binomial(link), data = d, nAGQ = 25,
               control = glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5)))
  list(beta = unname(fixef(fit)), vcov = unname(as.matrix(vcov(fit))), tau = sqrt(unname(VarCorr(fit)$study[1])))
}
# brglm2 does not converge on every set; those fits are left out (NULL).
jeffreys <- function(d, link) tryCatch({
  fit <- glm(cbind(events, n - events) ~ dose, family = binomial(link), data = transform(d, dose = dose - mean(dose)),
             method = "brglmFit", type = "MPL_Jeffreys", epsilon = 1e-11, maxit = 10000)
  stopifnot(fit$converged)
  # Back from the centred dose.
  back <- rbind(c(1, -mean(d$dose)), c(0, 1))
  list(beta = as.numeric(back %*% coef(fit)), vcov = back %*% vcov(fit) %*% t(back))
}, error = function(e) { message("left out: ", link, " ", conditionMessage(e)); NULL })

beetles <- data.frame(dose = c(1.6907, 1.7242, 1.7552, 1.7842, 1.8113, 1.8369, 1.8610, 1.8839),
                      events = c(6, 13, 18, 28, 52, 53, 61, 60), n = c(59, 60, 62, 56, 63, 59, 62, 60))
budworm <- data.frame(dose = rep(0:5, 2), events = c(1, 4, 9, 13, 18, 20, 0, 2, 6, 10, 12, 16), n = 20)
herds <- data.frame(dose = as.numeric(cbpp$period), events = cbpp$incidence, n = cbpp$size, study = paste("herd", cbpp$herd))

# Made up, not observed: nine studies of a rare late effect that rises steeply with dose.
RNGversion("4.0.0"); set.seed(20)
rare <- data.frame(study = rep(paste("study", 1:9), each = 4), dose = rep(c(45, 52, 58, 64), 9) + rep(-4:4, each = 4))
rare$n <- rpois(36, 60) + 20
rare$events <- rbinom(36, rare$n, plogis(-15 + 0.2 * rare$dose + rep(rnorm(9, 0, 0.8), each = 4)))
sparse <- data.frame(dose = c(40, 45, 50, 55, 60, 65), events = c(0, 0, 0, 0, 1, 2), n = c(80, 120, 60, 40, 25, 10))
zero <- data.frame(dose = c(40, 45, 50, 55), events = 0, n = c(80, 120, 60, 40))
split <- data.frame(dose = c(10, 20, 30, 40), events = c(0, 0, 8, 9), n = c(10, 9, 8, 9))

out <- list(versions = list(R = R.version.string, lme4 = as.character(packageVersion("lme4")),
                            MASS = as.character(packageVersion("MASS")), brglm2 = as.character(packageVersion("brglm2"))),
            sets = list(
  beetles = list(data = as.list(beetles), source = "Bliss 1935, as in Dobson and Barnett 2008, section 7.3",
                 logit = fixed(beetles, "logit"), probit = fixed(beetles, "probit"),
                 jeffreys_logit = jeffreys(beetles, "logit"), jeffreys_probit = jeffreys(beetles, "probit")),
  budworm = list(data = as.list(budworm), source = "Collett 1991, as in Venables and Ripley 2002, section 7.2; both sexes, log2 dose",
                 logit = fixed(budworm, "logit"), probit = fixed(budworm, "probit"),
                 jeffreys_logit = jeffreys(budworm, "logit"), jeffreys_probit = jeffreys(budworm, "probit")),
  herds = list(data = as.list(herds), source = "lme4::cbpp, period as dose",
               logit = fixed(herds, "logit"), probit = fixed(herds, "probit"),
               mixed_logit = mixed(herds, "logit"), mixed_probit = mixed(herds, "probit")),
  rare = list(data = as.list(rare), source = "made up, see the script",
              logit = fixed(rare, "logit"), probit = fixed(rare, "probit"),
              mixed_logit = mixed(rare, "logit"), mixed_probit = mixed(rare, "probit")),
  sparse = list(data = as.list(sparse), source = "made up", logit = fixed(sparse, "logit"), probit = fixed(sparse, "probit"),
                jeffreys_logit = jeffreys(sparse, "logit"), jeffreys_probit = jeffreys(sparse, "probit")),
  zero = list(data = as.list(zero), source = "made up", jeffreys_logit = jeffreys(zero, "logit"), jeffreys_probit = jeffreys(zero, "probit")),
  split = list(data = as.list(split), source = "made up", jeffreys_logit = jeffreys(split, "logit"), jeffreys_probit = jeffreys(split, "probit"))))
out$sets <- lapply(out$sets, function(s) s[!vapply(s, is.null, NA)])
cat(toJSON(out, digits = 14, auto_unbox = TRUE, pretty = TRUE), "\n")
