"""Golden data: inputs and the reference's answers, one module for each file."""
