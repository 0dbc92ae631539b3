//! As much of JSON Schema as `schema.json` uses. A word of it that is not known here is an error.

use serde_json::Value;

/// The value must be what the schema says.
#[track_caller]
pub fn expect(value: &Value) {
    let schema = include_str!("../../schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    let mut faults = Vec::new();
    judge(&schema, &schema, value, "", &mut faults);
    assert!(faults.is_empty(), "{faults:#?} in {value:#}");
}

fn judge(root: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let mut fault = |what: String| faults.push(format!("{at}: {what}"));
    let rules = schema.as_object().unwrap();
    for (rule, wanted) in rules {
        match rule.as_str() {
            "$schema"
            | "$id"
            | "$defs"
            | "title"
            | "description"
            | "properties"
            | "items"
            | "additionalProperties"
            | "$ref"
            | "oneOf" => {}
            "type" => {
                let types = match wanted {
                    Value::Array(types) => types.clone(),
                    one => vec![one.clone()],
                };
                let is = |kind: &Value| match kind.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    "number" => value.is_number(),
                    "integer" => value.is_u64() || value.is_i64(),
                    kind => panic!("type {kind}"),
                };
                if !types.iter().any(is) {
                    fault(format!("{value} is not {wanted}"));
                }
            }
            "enum" => {
                if !wanted.as_array().unwrap().contains(value) {
                    fault(format!("{value} is none of {wanted}"));
                }
            }
            "const" => {
                if wanted != value {
                    fault(format!("{value} is not {wanted}"));
                }
            }
            "minimum" => {
                if value
                    .as_f64()
                    .is_some_and(|number| number < wanted.as_f64().unwrap())
                {
                    fault(format!("{value} is below {wanted}"));
                }
            }
            "required" => {
                for name in wanted.as_array().unwrap() {
                    if value.get(name.as_str().unwrap()).is_none() {
                        fault(format!("{name} is missing"));
                    }
                }
            }
            rule => panic!("the schema's word {rule} is not known"),
        }
    }
    if let Some(reference) = rules.get("$ref") {
        let pointer = reference.as_str().unwrap().trim_start_matches('#');
        judge(root, root.pointer(pointer).unwrap(), value, at, faults);
    }
    if let Some(choices) = rules.get("oneOf") {
        let fits = |choice: &&Value| {
            let mut faults = Vec::new();
            judge(root, choice, value, at, &mut faults);
            faults.is_empty()
        };
        if choices.as_array().unwrap().iter().filter(fits).count() != 1 {
            faults.push(format!("{at}: {value} is not one of the choices"));
        }
    }
    if let (Some(items), Some(values)) = (rules.get("items"), value.as_array()) {
        for (number, value) in values.iter().enumerate() {
            judge(root, items, value, &format!("{at}[{number}]"), faults);
        }
    }
    if let Some(values) = value.as_object() {
        let properties = rules.get("properties").and_then(Value::as_object);
        for (name, value) in values {
            let at = format!("{at}.{name}");
            match (
                properties.and_then(|properties| properties.get(name)),
                rules.get("additionalProperties"),
            ) {
                (Some(schema), _) => judge(root, schema, value, &at, faults),
                (None, Some(Value::Bool(false))) => faults.push(format!("{at}: not known")),
                (None, Some(schema)) if schema.is_object() => {
                    judge(root, schema, value, &at, faults);
                }
                _ => {}
            }
        }
    }
}
