"""`seatrial serve`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from seatrial.cli.options import Directory, Profile, Trust
from seatrial.cli.output import print_lines
from seatrial.errors import InputError

LAST_PORT = 65535


def _unsplit(kind: object, value: str, *, delimiter: str | None = None) -> list[str]:  # noqa: ARG001  # as cyclopts calls it
    """A variable's text as one word: cyclopts parts texts at spaces, which names of columns have."""
    return [value]


def command(
    release: str | None = None,
    *,
    host: Annotated[
        str, Parameter(help="The address to listen on; 0.0.0.0 is every one of this machine.")
    ] = "127.0.0.1",
    port: Annotated[
        int, Parameter(help="The port to listen on; 0 is any free one.", validator=Number(gte=0, lte=LAST_PORT))
    ] = 8080,
    grpc_port: Annotated[
        int | None,
        Parameter(help="A port for gRPC beside HTTP; 0 is any free one.", validator=Number(gte=0, lte=LAST_PORT)),
    ] = None,
    threads: Annotated[
        int | None,
        Parameter(
            help="Threads for one answer; without it, one a processor that the container may use.",
            validator=Number(gte=1),
        ),
    ] = None,
    drain: Annotated[
        float,
        Parameter(
            help="Seconds after SIGTERM in which new requests are still answered.", validator=Number(gte=0, lte=20)
        ),
    ] = 10.0,
    access_log: Annotated[
        bool,
        Parameter(help="A line of JSON on standard error for each request, without what it held.", negative=""),
    ] = False,
    no_batching: Annotated[
        bool, Parameter(help="Never answer several requests by one run of the model.", negative="")
    ] = False,
    guard: Annotated[
        bool,
        Parameter(help="Tell who asks which values are out of range or unknown to the release.", negative=""),
    ] = False,
    sample: Annotated[
        float | None,
        Parameter(
            help="Keep this share of rows and answers (0.01), 100 a second at most.", validator=Number(gt=0, lte=1)
        ),
    ] = None,
    sample_without: Annotated[
        tuple[str, ...],
        Parameter(
            help="Inputs that samples must not keep: age,sex.",
            negative="",
            show_default=False,
            env_var_split=_unsplit,
        ),
    ] = (),
    samples: Annotated[
        str | None, Parameter(help="Where samples go: s3://… or a folder; without it, samples/ of the profile's store.")
    ] = None,
    digest: Annotated[str | None, Parameter(help="Refuse any release.json but the one of this sha256.")] = None,
    trust: Trust = None,
    profile: Profile = "local",
    directory: Directory = Path(),
) -> int:
    """Serve a release over HTTP (Open Inference Protocol), until SIGTERM or Ctrl-C.

    Without RELEASE: the newest that passed. One that does not verify, or neither passed nor is waived, is refused (1).

    For example:

        seatrial serve
        seatrial serve census@2 --port 9000
        seatrial serve ./census-2 --trust trust.toml
        seatrial serve census@2 --guard
    """
    from seatrial.models.runtime import MODEL_ONNX, load_predictor
    from seatrial.models.sessions import processor_limit
    from seatrial.models.vocabularies import text_vocabularies
    from seatrial.pipeline.open_release import verified_release
    from seatrial.pipeline.sample_store import open_sample_store
    from seatrial.serve.formats.request_columns import some_names
    from seatrial.serve.grpc_server import GrpcServer, check_installed
    from seatrial.serve.guard import guard_of
    from seatrial.serve.inference import Limits
    from seatrial.serve.merging import rows_to_merge
    from seatrial.serve.model_server import create_app
    from seatrial.serve.observation.access_log import AccessLog
    from seatrial.serve.sampling.sampler import Sampler
    from seatrial.serve.server import free_port, run_server

    if sample is None and (sample_without or samples is not None):
        raise InputError("--sample-without and --samples need --sample.", path="serve", hint="Add --sample 0.01.")
    verified = verified_release(
        release, directory=directory, profile=profile, trust=trust, passed=True, digest=digest
    ).require_deployable()
    served = verified.release
    if served is None:
        raise AssertionError("what is deployable has a release.json")
    if verified.waived:
        until = min(accepted.waiver.expires for accepted in verified.waivers)
        print_lines(
            f"{served.title}: the release's verdict is {verified.outcome}; it is served by waiver until {until}.",
            file=sys.stderr,
        )
    predictor = load_predictor(verified.package, threads=threads or processor_limit())

    guarding = None
    if guard:
        guarding = guard_of(
            predictor.signature,
            predictor.codec,
            predictor.provenance.ranges,
            lambda: text_vocabularies(verified.package[MODEL_ONNX]),
        )
        if guarding.unchecked:
            print_lines(
                f"{served.title} does not record what it was trained on for: {some_names(guarding.unchecked)}. "
                "--guard does not check these.",
                file=sys.stderr,
            )

    def ready(address: str) -> None:
        print_lines(f"Serving {served.name}@{served.version} at {address}")
        if grpc_port is not None:
            print_lines(f"gRPC at {host}:{grpc_port}")
        print_lines(f"Next: curl {address}/v2/models/{served.name}")

    merge_rows = 1 if no_batching else rows_to_merge(predictor, predictor.codec)
    with ExitStack() as stack:
        sampler = None
        if sample is not None:
            objects, prefix = stack.enter_context(
                open_sample_store(samples, release, directory=directory, profile=profile)
            )
            sampler = Sampler(
                objects,
                predictor.signature,
                share=sample,
                release=f"sha256:{verified.digest}",
                prefix=f"{prefix}/{served.name}/{served.version}/".removeprefix("/"),
                without=[name.strip() for names in sample_without for name in names.split(",")],
            )
        app = create_app(
            predictor,
            served.name,
            str(served.version),
            limits=Limits(merge_rows=merge_rows),
            codec=predictor.codec,
            digest=f"sha256:{verified.digest}",
            on_served=AccessLog(sys.stderr, release=f"{served.name}@{served.version}") if access_log else None,
            sampler=sampler,
            guard=guarding,
        )
        if grpc_port is not None:
            check_installed()
            grpc_port = free_port(host, grpc_port)
            app.beside = GrpcServer(
                app,
                predictor.signature,
                name=served.name,
                version=str(served.version),
                host=host,
                port=grpc_port,
                drain_s=drain,
                guard=guarding,
            )
        run_server(app, host=host, port=port, ready=ready, drain_s=drain)
    return 0
