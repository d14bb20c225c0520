"""How good an assistant's answers are on questions with known answers: judge, figures, report."""
