//! Finds in the contract what the judge goes by: operations, their bodies, the types of events, and how sure a rule is.

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

/// A schema, and where the contract writes it (`#/components/schemas/UserId`).
#[derive(Clone)]
pub(super) struct Placed<'a> {
    pub(super) schema: &'a Value,
    pub(super) place: String,
}

impl<'a> Placed<'a> {
    pub(super) fn get(&self, keyword: &str) -> Option<&'a Value> {
        self.schema.get(keyword)
    }

    pub(super) fn child(&self, steps: &str) -> String {
        format!("{}/{steps}", self.place)
    }

    fn member(&self, keyword: &str) -> Result<&'a Value, ContractError> {
        self.get(keyword).ok_or_else(|| ContractError::new(&self.place, format!("`{keyword}` is missing")))
    }

    pub(super) fn text(&self, keyword: &str) -> Result<&'a str, ContractError> {
        let text = self.member(keyword)?.as_str();
        text.ok_or_else(|| ContractError::new(self.child(keyword), "is not a string"))
    }

    fn object(&self, keyword: &str) -> Result<&'a Map<String, Value>, ContractError> {
        let object = self.member(keyword)?.as_object();
        object.ok_or_else(|| ContractError::new(self.child(keyword), "is not an object"))
    }

    pub(super) fn whole_number(&self, keyword: &str) -> Result<i64, ContractError> {
        let number = self.member(keyword)?.as_i64();
        number.ok_or_else(|| ContractError::new(self.child(keyword), "is not a whole number"))
    }

    /// The extension of that name, if the schema has it.
    pub(super) fn extension(&self, name: &str) -> Option<Placed<'a>> {
        Some(Placed { schema: self.get(name)?, place: self.child(name) })
    }
}

/// An operation, and the schema of its body.
pub(super) struct Operation<'a> {
    pub(super) path: &'a str,
    pub(super) body: Placed<'a>,
}

/// The operation of that id.
pub(super) fn operation<'a>(contract: &'a Value, id: &str) -> Result<Operation<'a>, ContractError> {
    let root = Placed { schema: contract, place: "#".to_owned() };
    let found = root.object("paths")?.iter().find_map(|(path, methods)| {
        let operation = methods.get("post")?;
        (operation.get("operationId")?.as_str()? == id).then_some((path, operation))
    });
    let (path, operation) =
        found.ok_or_else(|| ContractError::new("#/paths", format!("no POST operation has the id `{id}`")))?;
    let place = format!("#/paths/{}/post/requestBody/content/application~1json/schema", escape(path));
    let schema = operation
        .pointer("/requestBody/content/application~1json/schema")
        .ok_or_else(|| ContractError::new(&place, "is missing"))?;
    let body = resolve(contract, Placed { schema, place })?;
    Ok(Operation { path, body })
}

/// The member of the body that holds the events, and the schema of one of them.
pub(super) fn batch<'a>(
    contract: &'a Value,
    body: &Placed<'a>,
) -> Result<(&'a str, Placed<'a>), ContractError> {
    for (name, property) in body.object("properties")? {
        let Some(schema) = property.get("items") else { continue };
        let place = body.child(&format!("properties/{}/items", escape(name)));
        let items = resolve(contract, Placed { schema, place })?;
        if items.get("discriminator").is_some() {
            return Ok((name, items));
        }
    }
    Err(ContractError::new(body.child("properties"), "no array of values with a discriminator"))
}

/// A type of event.
pub(super) struct Variant<'a> {
    pub(super) name: &'a str,
    pub(super) schema: Placed<'a>,
    pub(super) example: &'a Value,
}

/// The property that decides the type of an event, and the types, in the order of the mapping.
pub(super) fn variants<'a>(
    contract: &'a Value,
    event: &Placed<'a>,
) -> Result<(&'a str, Vec<Variant<'a>>), ContractError> {
    let schema = event.member("discriminator")?;
    let discriminator = Placed { schema, place: event.child("discriminator") };
    let mapping = discriminator.object("mapping")?;
    let variant = |(name, target): (&'a String, &'a Value)| {
        let place = discriminator.child(&format!("mapping/{}", escape(name)));
        let target =
            target.as_str().ok_or_else(|| ContractError::new(&place, "does not refer to a schema"))?;
        let schema = referred(contract, target, &place)?;
        let example = schema.member("example")?;
        Ok(Variant { name, schema, example })
    };
    let variants = mapping.iter().map(variant).collect::<Result<_, _>>()?;
    Ok((discriminator.text("propertyName")?, variants))
}

/// The schema itself, or the one that it refers to.
pub(super) fn resolve<'a>(contract: &'a Value, placed: Placed<'a>) -> Result<Placed<'a>, ContractError> {
    let mut placed = placed;
    // A chain that is longer than this refers to itself.
    for _ in 0..16 {
        let Some(target) = placed.get("$ref").and_then(Value::as_str) else { return Ok(placed) };
        placed = referred(contract, target, &placed.place)?;
    }
    Err(ContractError::new(placed.place, "refers to itself"))
}

fn referred<'a>(contract: &'a Value, target: &str, from: &str) -> Result<Placed<'a>, ContractError> {
    let schema = target.strip_prefix('#').and_then(|pointer| contract.pointer(pointer));
    let schema =
        schema.ok_or_else(|| ContractError::new(from, format!("refers to {target}: nothing is there")))?;
    Ok(Placed { schema, place: target.to_owned() })
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
