"""gunicorn's configuration for gevent with `--preload`, as gunicorn itself would patch after the application is loaded.

Then no TLS connection can be made, and a call that waits for a connection blocks all others of its worker.
"""

from gevent import monkey

monkey.patch_all()
