"""What answers in an endpoint's container: a Flask app that follows SageMaker's contract.

    __main__   starts granian, one app a worker
    app        GET /ping, POST /invocations, errors as JSON
    model      loads the artifact and runs the hooks of its inference.py
    hooks      finds these hooks, and has a default for each
    decode     request body -> numpy array
    encode     prediction -> response body
    media      what Content-Type and Accept ask for
    errors     what a client gets to read
    logs       one JSON object a line

This folder goes into the image as it is, so it imports nothing else of Mergemaker.
"""
