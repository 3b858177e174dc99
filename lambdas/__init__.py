"""The Lambdas: one folder a function, each a thin handler. What they share is in `lambdas.queue`."""
