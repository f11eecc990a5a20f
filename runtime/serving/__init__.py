"""Models behind HTTP: what ``tlt-serve`` runs.

    limits    what a request may ask for
    uploads   the bytes of an image, judged by their header and turned upright
    models    what is served: a model, or two as a cascade, with name, checksum and threshold
    engine    images through one model: decoded by a few threads, predicted in batches by one, answered by the few again
    answers   a prediction as JSON (the schema is ``tltpipe.answers``), or drawn
    bodies    images out of the bodies of requests
    fetching  images behind URLs, from public addresses only
    stream    a websocket on which the newest frame counts
    app       all of it as an application

An event loop reads requests and writes answers, and computes nothing. How many images are in memory is bounded before
they are decoded: what is too many is refused at once.
"""
