//! The description of the API against the API: every operation is asked for, and what comes back is what was described.

use crate::served::{Answer, Served};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

/// Values that no field expects.
const CASES: u32 = 12;

pub struct Operation {
    pub method: String,
    pub path: String,
    pub said: Value,
}

impl Operation {
    /// The address, with something in the place of each parameter.
    pub fn address(&self, value: impl Fn(&str) -> String) -> String {
        let mut address = String::new();
        let mut rest = self.path.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap();
            address.push_str(before);
            address.push_str(&value(name));
            rest = after;
        }
        address + rest
    }

    pub fn line(&self, address: &str) -> String {
        format!("{} {address}", self.method.to_uppercase())
    }

    /// What is there already, by what the path is about.
    pub fn known(&self, name: &str) -> String {
        let word = match name {
            "id" => "1",
            "key" => "A",
            "domain" => "web.example.com",
            "server" => "prod-1",
            _ if self.path.starts_with("/api/servers") => "prod-1",
            _ if self.path.starts_with("/api/databases") => "fresh",
            _ if self.path.starts_with("/api/keys") => "fresh",
            _ => "web",
        };
        word.to_owned()
    }

    /// Queries that it cannot do without.
    pub fn query(&self) -> String {
        let params = self.said["parameters"].as_array().cloned().unwrap_or_default();
        let needed = params.iter().filter(|p| p["in"] == "query" && p["required"] == true);
        let pairs: Vec<String> = needed.map(|p| format!("{}=x", p["name"].as_str().unwrap())).collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    pub fn body_schema(&self) -> Option<&Value> {
        self.said["requestBody"]["content"].get("application/json").map(|content| &content["schema"])
    }
}

pub struct Document(Value);

impl Document {
    pub fn of(served: &Served) -> Self {
        Self(served.get("/api/openapi.json").is(200).json())
    }

    /// What is only read comes first, what deletes last.
    pub fn operations(&self) -> Vec<Operation> {
        let mut all = Vec::new();
        for (path, methods) in self.0["paths"].as_object().unwrap() {
            for (method, said) in methods.as_object().unwrap() {
                all.push(Operation { method: method.clone(), path: path.clone(), said: said.clone() });
            }
        }
        let order = ["get", "put", "post", "delete"];
        all.sort_by_key(|op| order.iter().position(|method| *method == op.method));
        all
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.trim_start_matches('#')).unwrap(),
            None => schema,
        }
    }

    /// Something that the schema takes: what is required, with words that make sense.
    pub fn example(&self, schema: &Value, name: &str) -> Value {
        let schema = self.resolved(schema);
        if let Some(first) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()).and_then(|all| all.last()) {
            return self.example(first, name);
        }
        let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("object");
        match kind {
            "object" => {
                let required = schema["required"].as_array().cloned().unwrap_or_default();
                let fields = required.iter().filter_map(Value::as_str);
                fields.map(|field| (field.to_owned(), self.example(&schema["properties"][field], field))).collect()
            }
            "array" => json!([self.example(&schema["items"], name)]),
            "integer" | "number" => json!(8080),
            "boolean" => json!(false),
            _ => json!(match name {
                "server_name" | "server" => "prod-1",
                "host" => "127.0.0.1",
                "db_type" => "postgres",
                "domain" => "web.example.com",
                "key" => "A",
                "scope" => "read",
                "answer" | "resolution" => "done",
                _ => "fresh",
            }),
        }
    }

    /// The line and the body of a request that makes sense.
    pub fn request(&self, op: &Operation) -> (String, String) {
        let body = op.body_schema().map(|schema| self.example(schema, "").to_string()).unwrap_or_default();
        (op.line(&(op.address(|name| op.known(name)) + &op.query())), body)
    }

    /// The answer is one that was described, and has the form that was described.
    #[track_caller]
    fn holds(&self, op: &Operation, what: &str, answer: &Answer) {
        let what = format!("{} {} ({what})", op.method, op.path);
        let responses = op.said["responses"].as_object().unwrap();
        let class = format!("{}XX", answer.status / 100);
        let said = responses.get(&answer.status.to_string()).or_else(|| responses.get(&class));
        let said = said.unwrap_or_else(|| panic!("{what}: {} is not described: {}", answer.status, answer.body));
        let Some(schema) = said["content"].get("application/json").map(|content| content["schema"].clone()) else {
            assert!(answer.status < 400, "{what}: {} is described without a form", answer.status);
            return;
        };
        let mut whole = json!({ "components": self.0["components"] });
        whole.as_object_mut().unwrap().extend(schema.as_object().unwrap().clone());
        let validator = jsonschema::validator_for(&whole).unwrap_or_else(|e| panic!("{what}: {e}"));
        let body = answer.json();
        let faults: Vec<String> =
            validator.iter_errors(&body).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{what}: {}\n{}", answer.body, faults.join("\n"));
    }
}

/// A server that nobody answers for, with an app that was deployed.
pub fn world() -> Served {
    let served = Served::new();
    served.run(&["server", "add", "prod-1", "--host", "127.0.0.1", "--port", "1", "--offline"]);
    served.run(&["app", "create", "web", "--server", "prod-1", "--image", "registry.example/web:1"]);
    served.run(&["env", "set", "web", "A=1"]);
    served.run(&["app", "deploy", "web", "--no-wait"]);
    served
}

#[test]
fn every_operation_answers_as_it_is_described() {
    let served = world();
    let document = Document::of(&served);
    let operations = document.operations();
    let mut well = 0;
    for op in &operations {
        let (line, body) = document.request(op);
        let answer = served.json(&line, &body);
        assert!(answer.status != 401 || op.path.starts_with("/api/session"), "{line}: {}", answer.body);
        document.holds(op, &body, &answer);
        well += usize::from(answer.status < 400);
    }
    // Few may be refused: what logs in wants a key, what waits for a person has nobody to wait for.
    assert!(well * 2 > operations.len(), "{well} of {} operations did something", operations.len());
    served.is_well();
}

#[test]
fn every_operation_wants_a_key_and_says_so_as_it_is_described() {
    let served = world();
    let document = Document::of(&served);
    for op in document.operations() {
        let is_open = op.said["security"].as_array().is_some_and(|all| all.iter().any(|one| one == &json!({})));
        if is_open {
            continue;
        }
        let answer = served.ask(&op.line(&op.address(|name| op.known(name))), &[], "");
        assert_eq!(answer.status, 401, "{} {}", op.method, op.path);
        document.holds(&op, "without a key", &answer);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|n| json!(n)),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("a\u{0}b")),
        Just(json!("../..")),
        Just(json!("x".repeat(5000))),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,8}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

/// A letter that a path may hold as it is; all else is written as its bytes.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") }).collect()
}

#[test]
fn no_input_breaks_an_operation() {
    let served = world();
    let document = Document::of(&served);
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut draw = |strategy: &dyn Fn() -> BoxedStrategy<Value>| strategy().new_tree(&mut runner).unwrap().current();
    for op in document.operations() {
        for _ in 0..CASES {
            let word =
                draw(&|| prop_oneof!["\\PC{1,12}", "[a-z0-9.-]{1,8}", "-?[0-9]{1,25}"].prop_map(Value::from).boxed());
            let word = word.as_str().unwrap_or_default().to_owned();
            let mut body = String::new();
            if let Some(schema) = op.body_schema() {
                // A good one with one field spoiled, or anything at all.
                let mut value = document.example(schema, "");
                let bad = draw(&|| any_json().boxed());
                let at = draw(&|| (0usize..8).prop_map(|n| json!(n)).boxed()).as_u64().unwrap_or_default() as usize;
                match value.as_object_mut().and_then(|object| object.values_mut().nth(at)) {
                    Some(field) => *field = bad,
                    None => value = bad,
                }
                body = value.to_string();
            }
            let address = op.address(|_| escaped(&word));
            let query = if op.query().is_empty() {
                format!("?limit={0}&cursor={0}&server={0}", escaped(&word))
            } else {
                op.query()
            };
            let answer = served.json(&op.line(&(address.clone() + &query)), &body);
            assert_ne!(answer.status, 500, "{} {address} {body}: {}", op.method, answer.body);
            if answer.status != 308 {
                document.holds(&op, &format!("{address}{query} {body}"), &answer);
            }
        }
    }
    served.is_well();
}
