//! On answers recorded from Asterisk 22.10 and 16.28, and on what no Asterisk should say.
