//! What was not said on the command line: the environment, then `copilot-cx.toml` of the folder, then that of the user.

use std::{
    env,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::Args;
use copilot_api::{Client, ClientBuilder, Credentials, Endpoints};
use etcetera::BaseStrategy as _;
use serde::Deserialize;

use crate::{
    exit::{Failure, with_causes},
    secret,
};

/// The name of a file of settings.
const FILE: &str = "copilot-cx.toml";

/// Where the relay listens, unless something else is said.
#[cfg(feature = "relay")]
pub(crate) const LISTEN: &str = "127.0.0.1:7400";

/// Who calls, and whom. Every command that sends has these.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Credentials and endpoints")]
pub(crate) struct Connection {
    /// The client id; otherwise COPILOT_CLIENT_ID
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// A file that holds the client secret and that only you can read; otherwise COPILOT_CLIENT_SECRET, COPILOT_CLIENT_SECRET_FILE, or
    /// systemd's credential `copilot-client-secret`
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// Refused: others could read it.
    #[arg(long, hide = true, value_name = "SECRET")]
    client_secret: Option<String>,
    /// The environment of Copilot.cx: requests go to https://api.NAME.bycopilot.com; otherwise COPILOT_ENVIRONMENT
    #[arg(long, value_name = "NAME", conflicts_with = "endpoint")]
    environment: Option<String>,
    /// Where both operations are, as http://127.0.0.1:7400 of a relay; otherwise COPILOT_ENDPOINT
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The whole URL that events go to; otherwise COPILOT_CLIENT_COLLECT_ENDPOINT
    #[arg(long, value_name = "URL")]
    collect_url: Option<String>,
    /// The whole URL that changes of consent go to; otherwise COPILOT_CLIENT_CONSENT_ENDPOINT
    #[arg(long, value_name = "URL")]
    consent_url: Option<String>,
}

/// What one source says: the command line, the environment, or a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Layer {
    client_id: Option<String>,
    #[serde(skip)]
    client_secret: Option<String>,
    client_secret_file: Option<PathBuf>,
    environment: Option<String>,
    endpoint: Option<String>,
    collect_url: Option<String>,
    consent_url: Option<String>,
    outbox: Option<String>,
    listen: Option<String>,
    /// What it is called in errors.
    #[serde(skip)]
    name: String,
}

/// What is said besides the command line.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Results are JSON.
    pub(crate) json: bool,
    /// The environment, the folder's file, the user's file: what comes first counts.
    layers: Vec<Layer>,
}

/// Whether a URL holds a password, or what may be one.
pub(crate) fn has_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // NATS takes a token in place of a name: only a name is known not to be one.
    let is_nats = url.starts_with("nats:") || url.starts_with("tls:");
    let secret = authority.rsplit_once('@').is_some_and(|(user, _)| is_nats || user.contains(':'));
    secret || rest.split(['?', '&']).skip(1).any(|setting| setting.starts_with("password="))
}

impl Settings {
    /// Of a command that asks nobody.
    pub(crate) fn none(json: bool) -> Self {
        Self { json, layers: Vec::new() }
    }

    pub(crate) fn read(json: bool) -> Result<Self, Failure> {
        let mut layers = vec![of_environment()?];
        let of_user = etcetera::choose_base_strategy()
            .ok()
            .map(|folders| folders.config_dir().join("copilot-cx").join("config.toml"));
        for path in [Some(PathBuf::from(FILE)), of_user].into_iter().flatten() {
            layers.extend(of_file(&path)?);
        }
        Ok(Self { json, layers })
    }

    /// The URL of the outbox, unless the command line says it.
    #[cfg(feature = "relay")]
    pub(crate) fn outbox(&self, flag: Option<String>) -> Option<String> {
        flag.or_else(|| self.first(|layer| layer.outbox.clone()))
    }

    /// Where the relay listens, unless the command line says it.
    #[cfg(feature = "relay")]
    pub(crate) fn listen(&self, flag: Option<String>) -> String {
        flag.or_else(|| self.first(|layer| layer.listen.clone())).unwrap_or_else(|| LISTEN.to_owned())
    }

    #[cfg(feature = "relay")]
    fn first<T>(&self, of: impl Fn(&Layer) -> Option<T>) -> Option<T> {
        self.layers.iter().find_map(of)
    }
}

impl Connection {
    /// The client that they say.
    pub(crate) fn client(&self, settings: &Settings) -> Result<Client, Failure> {
        self.client_builder(settings)?.build().map_err(|error| Failure::of_client(&error))
    }

    pub(crate) fn client_builder(&self, settings: &Settings) -> Result<ClientBuilder, Failure> {
        Ok(Client::builder(self.credentials(settings)?, self.endpoints(settings)?))
    }

    /// The pair, read anew each time it is asked for.
    pub(crate) fn credentials(&self, settings: &Settings) -> Result<Credentials, Failure> {
        if self.client_secret.is_some() {
            return Err(Failure::usage(
                "--client-secret is refused: every user of this machine can read a command line. Say --client-secret-file, or set \
                 COPILOT_CLIENT_SECRET",
            ));
        }
        let layers = self.layers(settings);
        let id = layers.iter().find_map(|layer| layer.client_id.clone()).ok_or_else(|| {
            Failure::usage("no client id: say --client-id, set COPILOT_CLIENT_ID, or write `client_id` into copilot-cx.toml")
        })?;
        let mut secret = None;
        for (at, layer) in layers.iter().enumerate() {
            secret = match (&layer.client_secret, &layer.client_secret_file) {
                (Some(secret), _) => Some(secret.clone()),
                (None, Some(file)) => Some(secret::from_file(file)?),
                // After the command line and the environment, and before the files.
                (None, None) if at == 1 => {
                    secret::of_systemd().map(|file| secret::from_file(&file)).transpose()?
                }
                (None, None) => None,
            };
            if secret.is_some() {
                break;
            }
        }
        let secret = secret.ok_or_else(|| {
            Failure::usage("no client secret: say --client-secret-file, set COPILOT_CLIENT_SECRET, or let systemd load copilot-client-secret")
        })?;
        Credentials::new(id, secret).map_err(|error| Failure::usage(with_causes(&error)))
    }

    /// Where events and changes of consent go: what the first says that says anything of it.
    pub(crate) fn endpoints(&self, settings: &Settings) -> Result<Endpoints, Failure> {
        let layers = self.layers(settings);
        let base = |layer: &Layer| match (&layer.endpoint, &layer.environment) {
            (Some(url), _) => Some(Endpoints::base(url)),
            (None, Some(name)) => Some(Endpoints::environment(name)),
            (None, None) => None,
        };
        let wrong = |layer: &Layer, error: &dyn std::error::Error| {
            Failure::usage(format!("{}: {}", layer.name, with_causes(error)))
        };
        let mut found: [Option<Endpoints>; 2] = [None, None];
        for layer in &layers {
            for (found, own) in found.iter_mut().zip([&layer.collect_url, &layer.consent_url]) {
                if found.is_some() {
                    continue;
                }
                // A whole URL needs something to stand in; its other half is not used.
                *found = match own {
                    Some(url) => {
                        let stand_in = Endpoints::environment("x").map_err(|error| wrong(layer, &error))?;
                        let is_collect = std::ptr::eq(own, &layer.collect_url);
                        let whole = if is_collect {
                            stand_in.with_collect_url(url)
                        } else {
                            stand_in.with_consent_url(url)
                        };
                        Some(whole.map_err(|error| wrong(layer, &error))?)
                    }
                    None => base(layer).transpose().map_err(|error| wrong(layer, &error))?,
                };
            }
        }
        let known = [found[0].is_some(), found[1].is_some()];
        let [Some(collect), Some(consent)] = found else {
            let missing = match known {
                [true, false] => "no endpoint for changes of consent, only one for events",
                [false, true] => "no endpoint for events, only one for changes of consent",
                _ => "no endpoint",
            };
            return Err(Failure::usage(format!(
                "{missing}: say --environment or --endpoint, set COPILOT_ENVIRONMENT, or write `environment` into copilot-cx.toml",
            )));
        };
        collect
            .with_consent_url(consent.consent_url().as_str())
            .map_err(|error| Failure::usage(with_causes(&error)))
    }

    /// Who says each setting that somebody says. What they say is not among it.
    pub(crate) fn origins(&self, settings: &Settings) -> Vec<(&'static str, String)> {
        let base = |layer: &Layer| layer.endpoint.is_some() || layer.environment.is_some();
        let layers = self.layers(settings);
        let first = |says: &dyn Fn(&Layer) -> bool| layers.iter().position(says);
        let named = |at: usize| layers.get(at).map(|layer| layer.name.clone());
        let secret = first(&|layer| layer.client_secret.is_some() || layer.client_secret_file.is_some());
        let secret = match secret.and_then(|at| layers.get(at)) {
            // After the command line and the environment, and before the files.
            _ if secret.is_none_or(|at| at > 1) && secret::of_systemd().is_some() => {
                Some("systemd's credential".to_owned())
            }
            Some(Layer { client_secret: None, client_secret_file: Some(file), name, .. }) => {
                Some(format!("{}, which {name} says", file.display()))
            }
            layer => layer.map(|layer| layer.name.clone()),
        };
        let origins = [
            ("client_id", first(&|layer| layer.client_id.is_some()).and_then(named)),
            ("client_secret", secret),
            ("collect_url", first(&|layer| layer.collect_url.is_some() || base(layer)).and_then(named)),
            ("consent_url", first(&|layer| layer.consent_url.is_some() || base(layer)).and_then(named)),
            ("outbox", first(&|layer| layer.outbox.is_some()).and_then(named)),
            ("listen", first(&|layer| layer.listen.is_some()).and_then(named)),
        ];
        origins.into_iter().filter_map(|(setting, origin)| Some((setting, origin?))).collect()
    }

    fn layers(&self, settings: &Settings) -> Vec<Layer> {
        let own = Layer {
            client_id: self.client_id.clone(),
            client_secret_file: self.client_secret_file.clone(),
            environment: self.environment.clone(),
            endpoint: self.endpoint.clone(),
            collect_url: self.collect_url.clone(),
            consent_url: self.consent_url.clone(),
            name: "the command line".to_owned(),
            ..Layer::default()
        };
        std::iter::once(own).chain(settings.layers.iter().cloned()).collect()
    }
}

fn of_environment() -> Result<Layer, Failure> {
    let read = |variable: &str| match env::var(variable) {
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Failure::usage(format!("{variable} is not UTF-8"))),
    };
    Ok(Layer {
        client_id: read("COPILOT_CLIENT_ID")?,
        client_secret: read("COPILOT_CLIENT_SECRET")?,
        client_secret_file: env::var_os("COPILOT_CLIENT_SECRET_FILE").map(PathBuf::from),
        environment: read("COPILOT_ENVIRONMENT")?,
        endpoint: read("COPILOT_ENDPOINT")?,
        collect_url: read("COPILOT_CLIENT_COLLECT_ENDPOINT")?,
        consent_url: read("COPILOT_CLIENT_CONSENT_ENDPOINT")?,
        outbox: read("COPILOT_OUTBOX")?,
        listen: read("COPILOT_LISTEN")?,
        name: "the environment".to_owned(),
    })
}

fn of_file(path: &Path) -> Result<Option<Layer>, Failure> {
    let shown = path.display();
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::usage(format!("{shown} cannot be read: {error}"))),
    };
    // It says where the credentials go.
    if !secret::is_own(&file).unwrap_or_default() {
        return Err(Failure::usage(format!(
            "{shown} is another user's, or any user can write it: it is not read"
        )));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(|error| Failure::usage(format!("{shown} cannot be read: {error}")))?;
    if toml::from_str::<toml::Table>(&text).is_ok_and(|table| table.contains_key("client_secret")) {
        return Err(Failure::usage(format!(
            "{shown} holds `client_secret`: write it into a file of its own that only you can read, and say `client_secret_file`"
        )));
    }
    let layer: Layer = toml::from_str(&text).map_err(|error| {
        let place =
            error.span().map_or(0, |span| text.get(..span.start).unwrap_or_default().matches('\n').count());
        Failure::usage(format!("{shown}:{}: {}", place + 1, error.message()))
    })?;
    if layer.outbox.as_deref().is_some_and(has_password) && !secret::is_private(&file).unwrap_or_default() {
        return Err(Failure::usage(format!(
            "{shown} holds a password, in `outbox`, and can be read by others than its owner: `chmod 600 {shown}`"
        )));
    }
    Ok(Some(Layer { name: shown.to_string(), ..layer }))
}
