"""From passages to an answer that can be trusted: evidence, grounding, citations, refusal."""
