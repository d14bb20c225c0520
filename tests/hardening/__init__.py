"""The numbered cases of hardening.md, one test or more each; the id stands in the name."""
