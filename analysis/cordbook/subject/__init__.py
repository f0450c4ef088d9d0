"""What only this review needs in code: dose in 2-Gy fractions, the dose-response of the cord, the tables of mechanisms."""
