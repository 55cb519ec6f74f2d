//! The guest `conformance`: the tools that the conformance suite of the Model Context Protocol calls by name.
//!
//! Modules: [`answers`] (every kind of content, a failure), [`asking`] (what the policy refuses, so that a person is asked),
//! [`schemas`] (arguments described by hand), [`steps`] (log lines and progress).
//!
//! It must not do for the suite what no plugin could do for its users: tools of the suite that ask the client's model, or
//! change the list of tools, are not here.

mod answers;
mod asking;
mod schemas;
mod steps;

use toolyard_sdk::plugin;

plugin!(
    answers::test_simple_text,
    answers::test_image_content,
    answers::test_audio_content,
    answers::test_embedded_resource,
    answers::test_multiple_content_types,
    answers::test_error_handling,
    asking::test_elicitation,
    asking::test_streaming_elicitation,
    asking::test_input_required_result_elicitation,
    asking::test_input_required_result_request_state,
    asking::test_input_required_result_tampered_state,
    schemas::json_schema_2020_12_tool,
    schemas::test_header_argument,
    steps::test_tool_with_logging,
    steps::test_logging_tool,
    steps::test_tool_with_progress,
    steps::test_reconnection,
);
