"""The readers of untrusted bytes. Everything here runs in a child process under limits, started by
``media_pipeline.cage``; no other module may import it."""
