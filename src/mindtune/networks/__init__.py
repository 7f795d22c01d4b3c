"""Networks as one Cell: a backbone and what reads it, a student and its teacher."""
