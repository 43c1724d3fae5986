"""Names that vulture sees nobody use, each with who does. `scripts/check` reads this file; nothing runs it."""

# Python itself, of modules and of file objects that io, pyarrow and pyiceberg are given.
__getattr__
__dir__
_.readable
_.seekable
_.tell
_._repr_html_  # notebooks
raised  # what __exit__ is given
_.redirect_request  # of urllib's handlers

# Templates of the report.
_.anchor
_.panels
_.mono
_.surely
_.drawings
_.stands
_.policy_confidence
_.judged_confidence
_.bounds_note
_.data_facts
_.rows_themselves
_.data_notes

# Users: of the documented API.
_.urls  # where Spark reads pinned files
_.set_epoch  # of a DataLoader's dataset
_.fetching_s  # of the reader's stats
_.making_s
_.understood  # deprecated: `assumptions`

# Found by name: `deploy/find_target.py`, and pyiceberg's `py-io-impl`.
AzureML
Kubectl
Kubeflow
StoreFileIO
_._initialize_s3_fs

# Set on objects of other libraries.
_.auto_open  # http.client
_.log_severity_level  # onnxruntime
_.intra_op_num_threads
_.inter_op_num_threads
_.keyid  # securesystemslib
_.signatures
_.should_exit  # uvicorn
_.ServerLive  # gRPC calls these by name
_.ServerReady
_.ModelReady
_.ServerMetadata
_.ModelMetadata
_.ModelInfer

# Tests and benchmarks: for http.server, html.parser, torch, Keras, psycopg2 and Ray; fields that are printed.
_.daemon_threads
_.protocol_version
_.disable_nagle_algorithm
_.close_connection
_.log_message
_.handle_error
_.do_GET
_.do_POST
_.do_PUT
_.do_HEAD
_.do_DELETE
_.handle_starttag
_.handle_endtag
_.handle_data
_.wrap_key
_.unwrap_key
_.train_step
_.forward
_.autocommit
_.enable_progress_bars
_.cpu_s
_.rss_mib
_.anon_mib

# Settings of bdp-model-gate, which its checks read (benchmarks/gate_adapters/with_model_gate.py).
_.max_ece
_.disparity_threshold
_.equalised_odds_threshold
_.intersectional
_.max_split_overlap
_.max_duplicate_fraction
_.adversarial_epsilon
_.adversarial_flip_rate_threshold
_.max_error
_.min_score

# httptools and uvicorn call these of a protocol, and read its attribute.
_.on_body
_.on_message_complete
_.on_chunk_header
_.data_received
_.flow

# Kubernetes' watch calls it with both.
_.unmarshal_event
return_type

# A field of the Open Inference Protocol's message.
_.string_param
