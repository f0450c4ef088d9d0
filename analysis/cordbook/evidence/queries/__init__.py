"""Search strategies as text: what each source lets one write, where the text breaks its syntax, and which titles it would find."""
