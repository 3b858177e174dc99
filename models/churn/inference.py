"""Answers with the probability that a customer leaves; all else is as serving does it by itself."""


def predict_fn(data, model):
    return model.predict_proba(data)[:, 1]
