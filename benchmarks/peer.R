# One round of R metafor: reads the data and the number of repeats, prints seconds per call of each question (the fit alone) and its estimate.
suppressMessages({library(metafor); library(jsonlite)})
arguments <- commandArgs(trailingOnly = TRUE)
d <- fromJSON(arguments[1])
questions <- strsplit(arguments[2], ",")[[1]]
k <- length(d$events)
e <- escalc(measure = "PLO", xi = d$events, ni = d$n)
y <- c(e$yi); v <- c(e$vi)
glmm <- function(i) rma.glmm(measure = "PLO", xi = d$events[i], ni = d$n[i], nAGQ = 25)
arms <- function(f, ...) f(measure = "OR", ai = d$events1, n1i = d$n1, ci = d$events2, n2i = d$n2, ...)

# name = (repeats, calls that one timed unit stands for, the fit, the number it gives)
tasks <- list(
  # Timed as it comes; the estimate is that of a fit with a tight optimiser, since the default stops 2e-6 short of its maximum.
  glmm = list(5, 1, function() glmm(1:k), function(r) c(rma.glmm(measure = "PLO", xi = d$events, ni = d$n, nAGQ = 25,
    control = list(glmerCtrl = list(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-9))))$beta)),
  reml_hksj = list(30, 1, function() rma(y, v, method = "REML", test = "knha"), function(r) c(r$beta)),
  dl = list(30, 1, function() rma(y, v, method = "DL"), function(r) c(r$beta)),
  leave_one_out_glmm = list(1, 1, function() sapply(1:k, function(i) c(glmm(-i)$beta)), function(r) r[1]),
  # a hundredth of the 10,000 fits, counted a hundred times
  bootstrap_reml = list(1, 100, function() sapply(1:100, function(b) rma(d$bootstrap[b, ], v, method = "REML")$tau2), function(r) mean(r)),
  mantel_haenszel = list(30, 1, function() arms(rma.mh), function(r) c(r$beta)),
  odds_ratio_glmm = list(1, 1, function() rma.glmm(measure = "OR", ai = d$trials$ai, n1i = d$trials$n1i, ci = d$trials$ci, n2i = d$trials$n2i, model = "CM.EL"),
    function(r) c(r$beta))
)
out <- list()
for (name in intersect(questions, names(tasks))) {
  task <- tasks[[name]]
  value <- NULL
  suppressWarnings({
    seconds <- tryCatch({
      if (task[[1]] > 1) task[[3]]() # warm
      each <- replicate(task[[1]], {
        begin <- Sys.time()
        value <<- task[[3]]()
        as.numeric(difftime(Sys.time(), begin, units = "secs"))
      })
      median(each) * task[[2]]
    }, error = function(err) NA)
  })
  out[[name]] <- list(seconds = seconds, value = if (is.na(seconds)) NA else task[[4]](value))
}
cat(toJSON(list(version = paste("metafor", packageVersion("metafor")), results = out), auto_unbox = TRUE, digits = 15, na = "null"))
