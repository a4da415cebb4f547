# Creme CRM as tests/presets runs it: on SQLite, on loopback, with click-to-dial to the daemon of the test.
import os
from pathlib import Path

SECRET_KEY = 'tests only'
DEBUG = True
ALLOWED_HOSTS = ['127.0.0.1']
DATABASES = {
    'default': {
        'ENGINE': 'django.db.backends.sqlite3',
        'NAME': os.environ.get('CREME_DATABASE', str(Path(__file__).parent.parent / 'creme.sqlite')),
    },
}
ABCTI_URL = os.environ.get('CREME_DIAL', 'http://127.0.0.1:8087/click')
