"""gunicorn's configuration for gevent with `--preload`.

gunicorn itself would patch only after it loads the application. Then no TLS connection can be opened, and a call that
waits for a connection blocks all others of its worker.
"""

from gevent import monkey

monkey.patch_all()
