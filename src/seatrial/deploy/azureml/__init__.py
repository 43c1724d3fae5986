"""Azure ML's documents: what its SDK lets through and Azure refuses hours later is looked for here."""
