"""What only this review needs in code: dose in 2-Gy fractions, the dose-response of the cord, tables of mechanisms; `parts` offers it to chapters."""
