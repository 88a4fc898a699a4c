//! Servers, security, paths, operations, and what they take and answer. Schemas are compared from here, each
//! in the direction in which it is used.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    comparison::{Comparison, Direction, Place, items, shown},
    finding::Breaks,
    schemas,
};

const METHODS: [&str; 8] = ["delete", "get", "head", "options", "patch", "post", "put", "trace"];

pub(super) fn check(comparison: &mut Comparison<'_>) {
    let root = comparison.root.clone();
    for (name, member) in root.member("info").members() {
        if name != "x-contract-version" && member.differs() {
            comparison.notes(&member.pointer);
        }
    }
    let openapi = root.member("openapi");
    if openapi.differs() {
        comparison.breaks(&openapi.pointer, Breaks::Code, openapi.change());
    }
    let tags = root.member("tags");
    if tags.differs() {
        comparison.notes(&tags.pointer);
    }
    servers(comparison, &root.member("servers"));
    for (name, path) in root.member("paths").members() {
        path_item(comparison, name, &path);
    }
    security_schemes(comparison, &root.member("components").member("securitySchemes"));
    schemas::components(comparison, &root.member("components").member("schemas"));
    comparison.rest(&root, &["components", "info", "openapi", "paths", "security", "servers", "tags"]);
}

/// Generated code and configuration are made from the first, so its place in the list counts too.
fn servers(comparison: &mut Comparison<'_>, list: &Place<'_>) {
    let urls = |list| items(list).iter().filter_map(|server: &Value| server.get("url")?.as_str());
    let (first, now) = (urls(list.old).next(), urls(list.new).next());
    if first != now {
        let named = |url: Option<&str>| url.map_or_else(|| "none".to_owned(), |url| format!("`{url}`"));
        let what = format!("the first server was {}, is {}", named(first), named(now));
        comparison.breaks(&list.pointer, Breaks::Senders, what);
    }
    for url in urls(list.old).skip(1).filter(|url| urls(list.new).all(|other| other != *url)) {
        comparison.breaks(&list.pointer, Breaks::Senders, format!("the server `{url}` is gone"));
    }
    for url in urls(list.new).skip(1).filter(|url| urls(list.old).all(|other| other != *url)) {
        comparison.adds(&list.pointer, format!("the server `{url}` is new"));
    }
    for (at, new) in items(list.new).iter().enumerate() {
        let same = items(list.old).iter().find(|old| old.get("url") == new.get("url"));
        let Some(old) = same else { continue };
        let server = Place { pointer: format!("{}/{at}", list.pointer), old, new };
        for (_, variable) in server.member("variables").members() {
            comparison.rest(&variable, &[]);
        }
        comparison.rest(&server, &["url", "variables"]);
    }
}

fn security_schemes(comparison: &mut Comparison<'_>, schemes: &Place<'_>) {
    for (name, scheme) in schemes.members() {
        if scheme.is_gone() {
            comparison.breaks(&scheme.pointer, Breaks::Senders, format!("the scheme `{name}` is gone"));
        } else if scheme.is_new() {
            comparison.adds(&scheme.pointer, "is new");
        } else {
            comparison.rest(&scheme, &[]);
        }
    }
}

fn path_item<'a>(comparison: &mut Comparison<'a>, name: &str, path: &Place<'a>) {
    if path.is_gone() {
        return comparison.breaks(&path.pointer, Breaks::Senders, format!("the path `{name}` is gone"));
    }
    if path.is_new() {
        return comparison.adds(&path.pointer, "is new");
    }
    for method in METHODS {
        let operation = path.member(method);
        if operation.is_gone() {
            let what = format!("the operation {} `{name}` is gone", method.to_uppercase());
            comparison.breaks(&operation.pointer, Breaks::Senders, what);
        } else if operation.is_new() {
            comparison.adds(&operation.pointer, "is new");
        } else if !operation.new.is_null() {
            self::operation(comparison, path, &operation);
        }
    }
    servers(comparison, &path.member("servers"));
    comparison.rest(path, &[&METHODS[..], &["parameters", "servers"]].concat());
}

fn operation<'a>(comparison: &mut Comparison<'a>, path: &Place<'a>, operation: &Place<'a>) {
    for name in ["operationId", "tags"] {
        let named = operation.member(name);
        if named.differs() {
            comparison.breaks(&named.pointer, Breaks::Code, named.change());
        }
    }
    security(comparison, operation);
    parameters(comparison, path, operation);
    body(comparison, &operation.member("requestBody"));
    for (status, response) in operation.member("responses").members() {
        self::response(comparison, status, &response);
    }
    servers(comparison, &operation.member("servers"));
    let judged = ["operationId", "parameters", "requestBody", "responses", "security", "servers", "tags"];
    comparison.rest(operation, &judged);
}

/// Each item of `security` is one way in. An operation without any takes the root's.
fn security(comparison: &mut Comparison<'_>, operation: &Place<'_>) {
    let (own, all) = (operation.member("security"), comparison.root.member("security"));
    let old = if own.old.is_null() { all.old } else { own.old };
    let new = if own.new.is_null() { all.new } else { own.new };
    let pointer = if own.old.is_null() && own.new.is_null() { &all.pointer } else { &own.pointer };
    // Without any the operation is open to everybody, as with an empty way in.
    let open = [Value::Object(serde_json::Map::new())];
    let ways = |value| match items(value) {
        [] => open.to_vec(),
        some => some.to_vec(),
    };
    let (old, new) = (ways(old), ways(new));
    for way in old.iter().filter(|way| !new.contains(way)) {
        comparison.breaks(pointer, Breaks::Senders, format!("{} no longer opens it", shown(way)));
    }
    for way in new.iter().filter(|way| !old.contains(way)) {
        comparison.adds(pointer, format!("{} opens it too", shown(way)));
    }
}

/// The parameters of a path and of its operation, by where they stand and what they are called.
fn parameters<'a>(comparison: &mut Comparison<'a>, path: &Place<'a>, operation: &Place<'a>) {
    let mut all: BTreeMap<(String, String), Place<'a>> = BTreeMap::new();
    for list in [path.member("parameters"), operation.member("parameters")] {
        let sides = [(items(list.old), true), (items(list.new), false)];
        for (at, parameter, is_old) in sides
            .into_iter()
            .flat_map(|(list, is_old)| list.iter().enumerate().map(move |(at, it)| (at, it, is_old)))
        {
            let pointer = format!("{}/{at}", list.pointer);
            let (old, new) = if is_old { (parameter, &Value::Null) } else { (&Value::Null, parameter) };
            let place = comparison.resolved(&Place { pointer, old, new });
            let of = if is_old { place.old } else { place.new };
            let text = |name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let known = all.entry((text("in"), text("name"))).or_insert_with(|| place.clone());
            if !is_old || known.new.is_null() {
                known.pointer.clone_from(&place.pointer);
            }
            if is_old {
                known.old = of;
            } else {
                known.new = of;
            }
        }
    }
    for ((location, name), parameter) in all {
        let named = format!("the parameter `{name}` in {location}");
        if parameter.is_gone() {
            comparison.breaks(&parameter.pointer, Breaks::Senders, format!("{named} is gone"));
        } else if parameter.is_new() {
            match is_true(parameter.new, "required") {
                true => {
                    comparison.breaks(&parameter.pointer, Breaks::Senders, format!("{named} is required now"))
                }
                false => comparison.adds(&parameter.pointer, format!("{named} is new")),
            }
        } else {
            required(comparison, &parameter, Direction::Request);
            schemas::check(comparison, &parameter.member("schema"), Direction::Request);
            content(comparison, &parameter.member("content"), Direction::Request);
            comparison.rest(&parameter, &["content", "in", "name", "required", "schema"]);
        }
    }
}

fn body<'a>(comparison: &mut Comparison<'a>, place: &Place<'a>) {
    let body = comparison.resolved(place);
    if body.is_gone() {
        return comparison.breaks(&body.pointer, Breaks::Senders, "the operation takes no body now");
    }
    if body.is_new() {
        return match is_true(body.new, "required") {
            true => comparison.breaks(&body.pointer, Breaks::Senders, "a body is required now"),
            false => comparison.adds(&body.pointer, "a body may be sent now"),
        };
    }
    required(comparison, &body, Direction::Request);
    content(comparison, &body.member("content"), Direction::Request);
    comparison.rest(&body, &["content", "required"]);
}

fn response<'a>(comparison: &mut Comparison<'a>, status: &str, place: &Place<'a>) {
    let response = comparison.resolved(place);
    if response.is_gone() {
        return match status.starts_with(['2', '3']) || status == "default" {
            true => {
                comparison.breaks(&place.pointer, Breaks::Readers, format!("the answer {status} is gone"))
            }
            false => comparison.adds(&place.pointer, format!("the answer {status} is gone")),
        };
    }
    if response.is_new() {
        return comparison.adds(&place.pointer, format!("the answer {status} is new"));
    }
    content(comparison, &response.member("content"), Direction::Response);
    for (name, header) in response.member("headers").members() {
        let header = comparison.resolved(&header);
        if header.is_gone() {
            comparison.breaks(&header.pointer, Breaks::Readers, format!("the header `{name}` is gone"));
        } else if header.is_new() {
            comparison.adds(&header.pointer, format!("the header `{name}` is new"));
        } else {
            required(comparison, &header, Direction::Response);
            schemas::check(comparison, &header.member("schema"), Direction::Response);
            content(comparison, &header.member("content"), Direction::Response);
            comparison.rest(&header, &["content", "required", "schema"]);
        }
    }
    comparison.rest(&response, &["content", "headers"]);
}

fn content<'a>(comparison: &mut Comparison<'a>, content: &Place<'a>, direction: Direction) {
    let whom = match direction {
        Direction::Request => Breaks::Senders,
        Direction::Response => Breaks::Readers,
    };
    for (name, media_type) in content.members() {
        if media_type.is_gone() {
            comparison.breaks(&media_type.pointer, whom, format!("the media type `{name}` is gone"));
        } else if media_type.is_new() {
            comparison.adds(&media_type.pointer, format!("the media type `{name}` is new"));
        } else {
            schemas::check(comparison, &media_type.member("schema"), direction);
            comparison.rest(&media_type, &["schema"]);
        }
    }
}

/// Whether a parameter, a body or a header must be there.
fn required(comparison: &mut Comparison<'_>, place: &Place<'_>, direction: Direction) {
    let pointer = place.member("required").pointer;
    match (is_true(place.old, "required"), is_true(place.new, "required"), direction) {
        (false, true, Direction::Request) => comparison.breaks(&pointer, Breaks::Senders, "is required now"),
        (true, false, Direction::Response) => {
            comparison.breaks(&pointer, Breaks::Readers, "is no longer sure to be there");
        }
        (old, new, _) if old != new => comparison.adds(&pointer, format!("was {old}, is {new}")),
        _ => {}
    }
}

fn is_true(value: &Value, member: &str) -> bool {
    value.get(member).and_then(Value::as_bool).unwrap_or_default()
}
