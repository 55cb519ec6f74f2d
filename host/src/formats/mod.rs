//! How the big model APIs speak of tools: the host's tools as their definitions, a model's calls as [`Call`]s, outcomes as
//! their results. Functions over JSON. It must not send anything, run anything, or decide whether a call makes sense.
//!
//! A turn of an agent, here in the Messages API's form; what stands in for the model's answer is what its API gave:
//!
//! ```
//! use serde_json::json;
//! use toolyard::Host;
//! use toolyard::formats::{Format, INSTRUCTIONS};
//!
//! # let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("notes.txt"), "one\ntwo\n")?;
//! let host = Host::builder().workspace(folder.path()).build()?;
//! let api = Format::Anthropic;
//!
//! let mut messages = vec![json!({ "role": "user", "content": "What do the notes say?" })];
//! let request = json!({
//!     "model": "…", "max_tokens": 4096, "system": INSTRUCTIONS, "tools": api.tools(&host.tools()), "messages": messages,
//! });
//! assert!(request["tools"].as_array().is_some_and(|tools| tools.len() == host.tools().len()));
//! let response = json!({
//!     "role": "assistant",
//!     "content": [
//!         { "type": "text", "text": "I'll look." },
//!         { "type": "tool_use", "id": "toolu_1", "name": "read_file", "input": { "path": "notes.txt" } },
//!         { "type": "tool_use", "id": "toolu_2", "name": "read_file", "input": { "path": "more.txt" } },
//!     ],
//!     "stop_reason": "tool_use",
//! });
//!
//! let turn = api.turn(&response)?;
//! let runtime = tokio::runtime::Runtime::new()?;
//! let outcomes = runtime.block_on(host.batch(turn.calls()))?;
//! // First what the model said, whole and unchanged, then what came of it.
//! messages.push(json!({ "role": "assistant", "content": response["content"] }));
//! messages.extend(turn.results(&outcomes));
//!
//! let results = &messages[2]["content"];
//! assert_eq!(results[0]["tool_use_id"], "toolu_1");
//! assert_eq!(results[0]["content"][0]["text"], "one\ntwo\n");
//! assert_eq!(results[1]["is_error"], true);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod definitions;
mod place;
mod read;
mod results;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

pub use crate::report::INSTRUCTIONS;

use crate::call::{Call, CallId, Outcome};
use crate::catalog::Entry;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The form in which an API speaks of tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Anthropic's Messages API: `tool_use` blocks, answered by `tool_result` blocks in one user message.
    Anthropic,
    /// OpenAI's Chat Completions API, which many servers speak: `tool_calls`, answered by messages of the role `tool`.
    /// Results are text alone.
    OpenAiChat,
    /// OpenAI's Responses API: `function_call` items, answered by `function_call_output` items.
    OpenAiResponses,
    /// Gemini's `generateContent`: `functionCall` parts, answered by `functionResponse` parts in one content. Pictures in
    /// results are understood by Gemini 3 and later; for models before that there is [`Turn::results_in_words`].
    Gemini,
}

/// An answer that is not of its API's form, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct FormatError {
    /// The place: `content[2].id`; `the answer` for the whole.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
}

/// What a model asks for in one answer: its calls, in the order in which they stand there, and what is needed to answer.
#[derive(Clone, Debug)]
pub struct Turn {
    format: Format,
    asked: Vec<Asked>,
}

#[derive(Clone, Debug)]
struct Asked {
    /// As the host knows it: its id is unique within the turn.
    call: Call,
    /// The id that the API gave, to be given back as it was; Gemini may give none.
    id: Option<String>,
    /// Other members of the call that the API wants back.
    echo: Map<String, Value>,
    /// The answer ended in the middle of this call.
    cut: bool,
}

/// What results may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    /// Whatever the API takes.
    Everything,
    /// Text alone.
    Words,
}

impl Format {
    /// What stands in a request's `tools`. Tools that the API would refuse are left out, since it refuses the whole request
    /// for one of them; [`unfit`](Self::unfit) tells which.
    ///
    /// Schemas are shown as they are declared but for words at the top level that an API refuses there (`oneOf`, `anyOf`,
    /// `allOf`, `not`, `enum`): what a model is shown may be wider than what holds, and the host checks every call against
    /// the whole schema. For the same reason nothing is `strict`: that wants every property to be required, and optional
    /// arguments of the host's tools are left out when they aren't meant.
    ///
    /// APIs have limits on how many tools a request may bring (128 for OpenAI's); who has more, filters.
    pub fn tools<'a>(self, tools: impl IntoIterator<Item = &'a Entry>) -> Vec<Value> {
        let tools = tools.into_iter().map(|entry| &*entry.tool);
        definitions::all(self, tools)
    }

    /// Why the API would refuse this tool's definition, if it would.
    #[must_use]
    pub fn unfit(self, entry: &Entry) -> Option<String> {
        definitions::unfit(self, &entry.tool)
    }

    /// The calls in a model's answer: the whole response as the API gave it, or the message (Chat Completions), the list of
    /// items (Responses) or the content (Gemini) in it. What is no call of a function is passed over: text, thoughts, and
    /// what the API's own servers do.
    ///
    /// A call that makes no sense is a call all the same, so that it gets its result and its neighbours theirs: arguments
    /// that could not be read, or that were cut off by a limit on the answer's length, end as `invalid_arguments`. In
    /// arguments nothing stands for anything else ([`Call::literal`]).
    ///
    /// # Errors
    /// If the response is not of the API's form, so that a call can't be told or answered, or is the API's own error. A part
    /// of a stream is none of these forms: put the answer together first.
    pub fn turn(self, response: &Value) -> Result<Turn, FormatError> {
        let found = match self {
            Self::Anthropic => read::anthropic(response),
            Self::OpenAiChat => read::openai_chat(response),
            Self::OpenAiResponses => read::openai_responses(response),
            Self::Gemini => read::gemini(response),
        }?;
        let mut taken = HashMap::new();
        let asked = (1_usize..).zip(found).map(|(number, found)| {
            let id = unique(&mut taken, found.id.as_deref(), number);
            Asked {
                call: Call::literal(found.name, found.arguments).with_id(id),
                id: found.id,
                echo: found.echo,
                cut: found.cut,
            }
        });
        let asked = asked.collect();
        Ok(Turn { format: self, asked })
    }
}

impl Turn {
    /// The calls, for [`Host::batch`](crate::Host::batch). Each has the id that the API gave it; one without, or with an id
    /// that another has already, gets one that is unique in the turn.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.asked.iter().map(|asked| asked.call.clone()).collect()
    }

    /// Whether the model asks for nothing: it has finished, or its API's `stop_reason` says what else happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// What goes into the next request behind the model's own answer (which goes there whole: APIs check signatures of
    /// thoughts, and that no call lacks its result): for `messages`, `input` or `contents`, in the order of the calls. One
    /// message with all results for Anthropic and Gemini, one item a result for OpenAI's, and nothing if there are none.
    ///
    /// A call without an outcome among these gets no result: it is whoever runs it elsewhere that answers it, in the same
    /// message. Outcomes of other calls are passed over.
    ///
    /// A model reads the answer, or what went wrong and what would help, in the same words as over the Model Context
    /// Protocol. Pictures and PDF documents are shown where the API takes them in results; of what it doesn't take, or is too
    /// large, the result says what is left out.
    #[must_use]
    pub fn results(&self, outcomes: &[Outcome]) -> Vec<Value> {
        self.answer(outcomes, Shows::Everything)
    }

    /// The same in words alone, for a model that can't see.
    #[must_use]
    pub fn results_in_words(&self, outcomes: &[Outcome]) -> Vec<Value> {
        self.answer(outcomes, Shows::Words)
    }

    fn answer(&self, outcomes: &[Outcome], shows: Shows) -> Vec<Value> {
        let by_id: HashMap<&CallId, &Outcome> = outcomes.iter().map(|outcome| (&outcome.id, outcome)).collect();
        let answered = self.asked.iter().filter_map(|asked| {
            let outcome = by_id.get(asked.call.id.as_ref()?)?;
            Some(results::result(self.format, asked, outcome, shows))
        });
        results::together(self.format, answered.collect())
    }
}

/// The id that was given, if nobody has it yet; else one like it, or like the call's place. `taken` says of each id with which
/// number one like it is looked for next: a model that gives all its calls one id is no reason to count up to each.
fn unique(taken: &mut HashMap<String, usize>, given: Option<&str>, number: usize) -> String {
    let wanted = match given {
        None | Some("") => number.to_string(),
        Some(id) => id.to_owned(),
    };
    let Some(again) = taken.get(&wanted).copied() else {
        taken.insert(wanted.clone(), 2);
        return wanted;
    };
    let mut numbers = again..;
    let free = numbers.find_map(|again| {
        let id = format!("{wanted}#{again}");
        (!taken.contains_key(&id)).then_some((id, again))
    });
    let (id, again) = free.unwrap_or((wanted.clone(), again));
    taken.insert(wanted, again.saturating_add(1));
    taken.insert(id.clone(), 2);
    id
}
