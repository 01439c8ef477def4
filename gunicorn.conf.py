"""What gunicorn reads in the folder that it is started in: a worker of threads that answers its refusals as we do."""

worker_class = "service.web_worker.WebWorker"
