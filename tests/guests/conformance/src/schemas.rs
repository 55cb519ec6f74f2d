//! Arguments whose schema no Rust type gives: written by hand, as authors in other languages do.
//!
//! They must not do anything with their arguments.

use toolyard_sdk::json::Json as Constant;
use toolyard_sdk::prelude::*;
use toolyard_sdk::schema::Type;
use toolyard_sdk::tool::Tool;

/// A tool whose schema uses the wide vocabulary of JSON Schema 2020-12.
#[expect(non_camel_case_types, reason = "named as the suite calls it")]
pub struct json_schema_2020_12_tool {}

impl Tool for json_schema_2020_12_tool {
    const NAME: &'static str = "json_schema_2020_12_tool";
    const DECLARATION: Constant = Constant::Raw(
        r##"{
            "name": "json_schema_2020_12_tool",
            "description": "Takes a person with an address, and a way to reach them.",
            "input_schema": {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "$defs": {
                    "address": {
                        "$anchor": "addressDef",
                        "type": "object",
                        "properties": { "street": { "type": "string" }, "city": { "type": "string" } }
                    }
                },
                "properties": {
                    "name": { "type": "string" },
                    "address": { "$ref": "#/$defs/address" },
                    "contactMethod": { "type": "string", "enum": ["phone", "email"] },
                    "phone": { "type": "string" },
                    "email": { "type": "string" }
                },
                "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
                "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
                "then": { "required": ["phone"] },
                "else": { "required": ["email"] },
                "additionalProperties": false
            },
            "claims": []
        }"##,
    );

    fn call(arguments: &str) -> Result<Output> {
        Ok(Output::new().text(arguments))
    }
}

/// A text that clients also send as a header, for whatever stands between them and the server.
#[derive(Deserialize)]
#[serde(crate = "toolyard_sdk::serde", transparent)]
pub struct Region(String);

impl Schema for Region {
    const TYPE: Type = Type::String;
    const MEMBERS: Constant = Constant::List(&[
        Constant::TextMember("type", "string"),
        Constant::TextMember("x-mcp-header", "Region"),
    ]);
}

/// Answers with the region that it was given.
#[tool]
pub fn test_header_argument(
    /// The region, which clients also send as a header.
    region: Region,
) -> Result<String> {
    Ok(region.0)
}
