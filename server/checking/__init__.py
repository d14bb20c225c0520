"""The question list: asked as visitors ask, judged by rule, compared with the run before."""
