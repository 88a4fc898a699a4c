//! Finds in the published document what is judged by: operations, their bodies, the types of events, and how sure a
//! rule is.

use serde_json::{Map, Value};

/// A contract by which nothing can be judged.
#[derive(Debug, thiserror::Error)]
#[error("the contract, at {place}: {problem}")]
pub(crate) struct ContractError {
    place: String,
    problem: String,
}

impl ContractError {
    pub(super) fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into() }
    }
}

/// A part of the document, and where it stands there (`#/components/schemas/UserId`).
#[derive(Clone)]
pub(super) struct Placed<'a> {
    document: &'a Value,
    pub(super) value: &'a Value,
    pub(super) place: String,
}

impl<'a> Placed<'a> {
    pub(super) fn new(document: &'a Value) -> Self {
        Self { document, value: document, place: "#".to_owned() }
    }

    /// The member of that name, or what it refers to.
    pub(super) fn get(&self, name: &str) -> Result<Self, ContractError> {
        let place = format!("{}/{}", self.place, escape(name));
        let value = self.value.get(name).ok_or_else(|| ContractError::new(&place, "is missing"))?;
        Self { document: self.document, value, place }.resolved()
    }

    /// The member of that name, if it has one.
    pub(super) fn find(&self, name: &str) -> Result<Option<Self>, ContractError> {
        self.value.get(name).map(|_| self.get(name)).transpose()
    }

    fn resolved(self) -> Result<Self, ContractError> {
        let mut placed = self;
        // A chain that is longer than this refers to itself.
        for _ in 0..16 {
            let Some(target) = placed.value.get("$ref").and_then(Value::as_str) else { return Ok(placed) };
            placed = placed.referred(target)?;
        }
        Err(ContractError::new(placed.place, "refers to itself"))
    }

    /// What stands at the place that a reference names.
    fn referred(&self, target: &str) -> Result<Self, ContractError> {
        let value = target.strip_prefix('#').and_then(|pointer| self.document.pointer(pointer));
        let value =
            value.ok_or_else(|| ContractError::new(&self.place, format!("nothing is at {target}")))?;
        Ok(Self { document: self.document, value, place: target.to_owned() })
    }

    pub(super) fn text(&self) -> Result<&'a str, ContractError> {
        self.value.as_str().ok_or_else(|| ContractError::new(&self.place, "is not a string"))
    }

    pub(super) fn object(&self) -> Result<&'a Map<String, Value>, ContractError> {
        self.value.as_object().ok_or_else(|| ContractError::new(&self.place, "is not an object"))
    }

    pub(super) fn whole_number(&self) -> Result<i64, ContractError> {
        self.value.as_i64().ok_or_else(|| ContractError::new(&self.place, "is not a whole number"))
    }

    /// The path of the operation of that id, and the schema of its body.
    pub(super) fn operation(&self, id: &str) -> Result<(&'a str, Self), ContractError> {
        let paths = self.get("paths")?;
        let is_it =
            |methods: &Value| methods.pointer("/post/operationId").and_then(Value::as_str) == Some(id);
        let found = paths.object()?.iter().find(|(_, methods)| is_it(methods));
        let problem = || ContractError::new(&paths.place, format!("no POST operation has the id `{id}`"));
        let (path, _) = found.ok_or_else(problem)?;
        let body = ["post", "requestBody", "content", "application/json", "schema"];
        let body = body.iter().try_fold(paths.get(path)?, |placed, name| placed.get(name))?;
        Ok((path, body))
    }

    /// The member of a body that holds the events, and the schema of one of them.
    pub(super) fn batch(&self) -> Result<(&'a str, Self), ContractError> {
        let properties = self.get("properties")?;
        for name in properties.object()?.keys() {
            let items = properties.get(name)?.find("items")?;
            if let Some(event) = items.filter(|items| items.value.get("discriminator").is_some()) {
                return Ok((name, event));
            }
        }
        Err(ContractError::new(properties.place, "no array of values with a discriminator"))
    }

    /// The schemas of the types of event, by name, in the order of the discriminator's mapping.
    pub(super) fn variants(&self) -> Result<Vec<(&'a str, Self)>, ContractError> {
        let mapping = self.get("discriminator")?.get("mapping")?;
        let names = mapping.object()?.keys();
        names.map(|name| Ok((name.as_str(), mapping.referred(mapping.get(name)?.text()?)?))).collect()
    }

    /// How sure the rule `keyword` of this schema is.
    pub(super) fn grade(&self, keyword: &str) -> Option<String> {
        grade(self.value, keyword)
    }
}

/// How sure the rule `keyword` of a schema is.
pub(super) fn grade(schema: &Value, keyword: &str) -> Option<String> {
    let provenance = schema.get("x-provenance")?;
    provenance.as_str().or_else(|| provenance.get(keyword)?.as_str()).map(str::to_owned)
}

/// A name as a step of a JSON pointer (RFC 6901).
pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
