# Analyses of a multiverse in a loop of metafor: reads them as JSON, prints the processor seconds of each and the estimates on the model's scale.
suppressMessages({library(metafor); library(jsonlite)})
arguments <- commandArgs(trailingOnly = TRUE)
tasks <- fromJSON(arguments[1], simplifyVector = FALSE)
fit <- function(t) {
  x <- unlist(t$events); n <- unlist(t$n)
  measure <- if (t$measure == "logit") "PLO" else "PAS"
  if (t$model == "glmm") return(rma.glmm(measure = "PLO", xi = x, ni = n, test = if (t$ci == "hksj") "t" else "z"))
  to <- if (t$corrected == "all") "all" else "only0"
  rma(measure = measure, xi = x, ni = n, method = toupper(t$model), test = if (t$ci == "hksj") "knha" else "z", to = to)
}
invisible(fit(tasks[[1]])) # warm
processor <- function() sum(proc.time()[1:2])
one <- function(t) {
  begin <- processor()
  estimate <- tryCatch(suppressWarnings(as.numeric(fit(t)$beta)), error = function(e) NA)
  list(seconds = processor() - begin, estimate = estimate)
}
cat(toJSON(list(version = paste("metafor", packageVersion("metafor")), found = lapply(tasks, one)), auto_unbox = TRUE, digits = 15, na = "null"))
