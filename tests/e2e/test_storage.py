"""Runs whose data set, gates and output lie in an S3-like store of the cluster."""

import json

import pytest

from tests.e2e.material import Material, begin
from tests.e2e.tools import Kubectl

pytestmark = pytest.mark.timeout(1500)

STORE = """
apiVersion: v1
kind: Pod
metadata: {name: store, labels: {app: store}}
spec:
  automountServiceAccountToken: false
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: store
      image: mammosynth-e2e-store:TAG
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      resources: {requests: {cpu: 50m, memory: 128Mi}}
      readinessProbe: {tcpSocket: {port: 5000}}
      volumeMounts: [{name: tmp, mountPath: /tmp}]
  volumes: [{name: tmp, emptyDir: {}}]
---
apiVersion: v1
kind: Service
metadata: {name: store}
spec:
  selector: {app: store}
  ports: [{port: 5000}]
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {AWS_ACCESS_KEY_ID: nobody, AWS_SECRET_ACCESS_KEY: nothing}
"""
READ = """
import json, os, fsspec
files = fsspec.filesystem("s3", endpoint_url="http://store:5000", key="nobody", secret="nothing")
print(files.cat_file("films/run/manifest.json").decode())
"""
FILL = """
import os, fsspec
files = fsspec.filesystem("s3", endpoint_url="http://store:5000", key="nobody", secret="nothing")
files.mkdir("films")
for folder in ("dataset", "models"):
    files.put(f"/data/{folder}", f"films/{folder}", recursive=True)
"""


def test_a_run_in_object_storage_is_the_run_on_a_disk(
    stocked: Kubectl, tag: str, store: str, material: Material
) -> None:
    stocked.apply(STORE.replace("TAG", store))
    stocked("wait", "--for=condition=Ready", "pod/store", "--timeout=120s")
    stocked("exec", "shelf", "--", "python", "-c", FILL)
    job = begin(
        stocked,
        tag,
        "stored",
        task="generate-standalone",
        **{
            "dataset.url": "s3://films/dataset",
            "models.url": "s3://films/models",
            "output.url": "s3://films/run",
            "objectStorage.endpointUrl": "http://store:5000",
            "objectStorage.region": "us-east-1",
            "objectStorage.secretName": "keys",
            "networkPolicy.objectStorage.ports[0]": 5000,
        },
    )
    stocked.await_job(job, seconds=900)
    found = json.loads(stocked("exec", "shelf", "--", "python", "-c", READ))
    assert (found["complete"], found["run_digest"]) == (True, material.digest)
