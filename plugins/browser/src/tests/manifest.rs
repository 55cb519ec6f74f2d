//! What the tools claim, and that their arguments are read with care.

use super::*;

/// `drive`, `view` or `observe` with the rights, then the other claims, as short as it can be said.
fn claims(tool: &Value) -> String {
    let mut parts = vec![format!("{}:", tool["name"].as_str().unwrap())];
    for claim in tool["claims"].as_array().unwrap() {
        if claim.get("browser").is_some() {
            assert_eq!(claim["browser"], json!({ "from": "$.session", "default": "main" }));
            parts.push(claim["access"].as_str().unwrap().to_owned());
            parts.extend(
                claim
                    .get("rights")
                    .map(|rights| format!("+{}", rights[0].as_str().unwrap())),
            );
        } else if claim.get("network").is_some() {
            let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
            assert_eq!(
                *claim,
                json!({ "network": { "from": "$.url" }, "methods": methods, "redirects": true })
            );
            parts.push("network $.url".to_owned());
        } else {
            let word = |name: &str| claim[name].as_str().unwrap().to_owned();
            let from = claim["path"]["from"].as_str().unwrap();
            parts.push(format!("{from} {} {}", word("access"), word("scope")));
        }
    }
    parts.join(" ")
}

fn manifest() -> Value {
    from_str(crate::toolyard_manifest()).unwrap()
}

#[test]
fn the_manifest_claims_what_the_tools_do() {
    let manifest = manifest();
    let all: Vec<String> = manifest["tools"].as_array().unwrap().iter().map(claims).collect();
    let expected = [
        "browser_navigate: network $.url drive",
        "browser_navigate_back: drive",
        "browser_navigate_forward: drive",
        "browser_reload: drive",
        "browser_stop: drive",
        "browser_tabs: observe",
        "browser_new_tab: network $.url drive",
        "browser_close_tab: drive",
        "browser_activate_tab: drive",
        "browser_resize: drive",
        "browser_close: drive",
        "browser_snapshot: observe",
        "browser_read_page: observe",
        "browser_wait_for: observe",
        "browser_screenshot: $.path write file view",
        "browser_pdf: $.path write file view",
        "browser_console: observe",
        "browser_network: observe",
        "browser_click: drive",
        "browser_hover: drive",
        "browser_drag: drive",
        "browser_press_key: drive",
        "browser_scroll: drive",
        "browser_handle_dialog: drive",
        "browser_type: drive",
        "browser_fill_form: drive",
        "browser_select_option: drive",
        "browser_upload: $.paths[*] read file drive",
        "browser_evaluate: drive +evaluate",
        "browser_cookies: observe +storage",
        "browser_set_cookies: drive +storage",
        "browser_clear_cookies: drive +storage",
        "browser_storage: observe +storage",
        "browser_set_storage: drive +storage",
        "browser_export_state: $.path write file observe +storage",
        "browser_import_state: $.path read file drive +storage",
        "browser_download: $.folder write directory drive",
    ];
    assert_eq!(all, expected);
}

/// A model reads all of this before its first call.
#[test]
fn the_manifest_is_short() {
    for tool in manifest()["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        let (description, schema) = (tool["description"].as_str().unwrap(), tool["input_schema"].to_string());
        assert!(
            description.len() <= 320,
            "{name}: {} bytes of description",
            description.len()
        );
        assert!(schema.len() <= 1_500, "{name}: {} bytes of schema", schema.len());
        assert!(tool["title"].is_string(), "{name} has no title");
        let properties = &tool["input_schema"]["properties"];
        assert_eq!(properties["session"]["default"], "main", "{name}");
        let tab = properties.get("tab").and_then(|tab| tab.get("default"));
        let named = matches!(name, "browser_close_tab" | "browser_activate_tab");
        assert_eq!(
            tab.is_some_and(|tab| tab == "t1"),
            properties.get("tab").is_some() && !named,
            "{name}"
        );
    }
}

#[test]
fn without_a_browser_every_tool_says_so() {
    let failure = crate::toolyard_call("browser_tabs", "{}").err().unwrap();
    assert_eq!(failure.code(), "unavailable");
}

/// Values that fit no argument, for every argument of every tool: failures, not panics.
#[test]
fn nothing_that_comes_in_is_a_panic() {
    let odd = [
        json!(null),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("e99999999999999999999"),
        json!("\u{0}../é\u{202e}"),
        json!([]),
        json!([[]]),
        json!([{}]),
        json!({}),
    ];
    for tool in manifest()["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        let properties = tool["input_schema"]["properties"].as_object().unwrap();
        for value in &odd {
            let all: Value = properties.keys().map(|key| (key.clone(), value.clone())).collect();
            let _ = crate::toolyard_call(name, &all.to_string());
            for argument in properties.keys() {
                let _ = crate::toolyard_call(name, &json!({ argument: value }).to_string());
            }
        }
    }
}
