//! From the command line to a connection and a checked system: what most commands begin with.

use std::path::{Path, PathBuf};

use howdah_catalog::Catalog;
use howdah_catalog::name::Ident;
use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::{
    ConnectOptions, Connection, Limits, Pool, PooledConnection, PrivateServer, RootCert, Scope,
    ServerOptions, SslMode, connect, from_pg, introspect_in_txn, introspect_scope,
};
use howdah_plan::{Facts, Plan};
use howdah_stream::Access;
use howdah_system::{
    DatabaseConfig, DatabaseTarget, Format, Origin, SecretRef, Source, System, SystemFile, error_of,
};
use howdah_upkeep::{MODEL, SYSTEM, answer_questions, read_facts};
use tokio::sync::{Mutex, MutexGuard};

use crate::cli::Global;

/// The folder of the private server, beside the system file.
const PRIVATE: &str = ".howdah/pg";

/// A system file and the database that it speaks of.
pub struct Session {
    /// The system file as named in messages.
    pub path: PathBuf,
    /// Its folder.
    pub folder: PathBuf,
    /// The file, without mistakes of form.
    pub file: SystemFile,
    /// How to connect; a writer, whose session holds a staging table, has a connection of its own.
    pub options: ConnectOptions,
    /// The connections of everything else.
    pool: Pool,
    /// Sources that are read from a file instead, by name.
    file_sources: Vec<(String, PathBuf)>,
    /// The private server, when the file names no database; it ends with this process.
    server: Option<Mutex<PrivateServer>>,
}

/// A system that is held against a database.
pub struct Model {
    /// The database.
    pub catalog: Catalog,
    /// The system.
    pub system: System,
}

impl Session {
    /// Reads the system file and finds the database, starting the private server when there is
    /// none.
    pub async fn open(global: &Global) -> Result<Self> {
        let path = system_path(&global.file);
        let file = read_system_file(&path)?;
        let folder = folder_of(&path);
        let (options, server) = Box::pin(database(&file, &folder)).await?;
        let pool = Pool::new(options.clone())?;
        let server = server.map(Mutex::new);
        Ok(Self { path, folder, file, options, pool, file_sources: Vec::new(), server })
    }

    /// Reads these sources from files instead of where the system file says.
    pub fn read_from_files(&mut self, sources: &[(String, PathBuf)]) -> Result<()> {
        for (name, path) in sources {
            // The session's paths start at the system file, those of arguments where the user is.
            let path = path.canonicalize().map_err(|error| {
                Error::new(Kind::Io, format!("could not read \"{}\"", path.display())).source(error)
            })?;
            self.file_sources.push((name.clone(), path));
        }
        Ok(())
    }

    /// A connection of the pool.
    pub async fn connect(&self) -> Result<PooledConnection> {
        self.pool.get().await
    }

    /// The pool itself, for what lends connections on its own.
    pub fn pool(&self) -> Pool {
        self.pool.clone()
    }

    /// The private server, when the database is on one and is not being started again.
    pub fn private_server(&self) -> Option<MutexGuard<'_, PrivateServer>> {
        self.server.as_ref()?.try_lock().ok()
    }

    /// Starts the private server again when it has died; gives whether it had. Connections that
    /// were open are lost, what was committed is not.
    pub async fn revive(&self) -> Result<bool> {
        match &self.server {
            Some(server) => server.lock().await.revive().await,
            None => Ok(false),
        }
    }

    /// Makes the database of the private server anew, empty; refuses when another process runs
    /// the server, because it uses it.
    pub async fn empty_private(&self) -> Result<()> {
        let Some(server) = self.private_server().filter(|server| !server.is_attached()) else {
            return Err(Error::new(Kind::Conflict, "another process uses the private server")
                .hint("End it first, or use another folder."));
        };
        let admin = connect(&server.admin_options()).await?;
        let (database, owner) =
            (Ident::new(self.options.get_database()), Ident::new(self.options.get_user()));
        for sql in [
            format!("drop database if exists {database} with (force)"),
            format!("create database {database} owner {owner}"),
        ] {
            admin
                .batch_execute(&sql)
                .await
                .map_err(|error| from_pg("could not empty the private database", &error))?;
        }
        Ok(())
    }

    /// The system file held against the database as it is now; every mistake at once.
    pub async fn model(&self, connection: &Connection) -> Result<Model> {
        let catalog = Box::pin(introspect_scope(connection, MODEL)).await?;
        let system = self.resolve(connection, &catalog).await?;
        Ok(Model { catalog, system })
    }

    /// The system alone, for whoever asks nothing about chunks.
    pub async fn system(&self, connection: &Connection) -> Result<System> {
        let catalog = Box::pin(introspect_scope(connection, SYSTEM)).await?;
        self.resolve(connection, &catalog).await
    }

    /// The system of a catalog that was read before.
    pub async fn resolve(&self, connection: &Connection, catalog: &Catalog) -> Result<System> {
        let draft = self.file.check(catalog);
        let answers = answer_questions(connection, &draft.questions).await?;
        let mut system = draft
            .finish(answers)
            .map_err(|problems| error_of(&self.path.display().to_string(), &problems))?;
        for (name, path) in &self.file_sources {
            let source = system.sources.iter_mut().find(|source| source.name == *name);
            let source = source.ok_or_else(|| {
                Error::input(format!("source \"{name}\" does not exist")).code(Code::UnknownName)
            })?;
            if matches!(source.origin, Origin::Mqtt(_)) {
                return Err(Error::input(format!("source \"{name}\" cannot be read from a file"))
                    .detail("Its events are messages under topics, which no file has."));
            }
            if source.format == Format::Fields {
                return Err(Error::input(format!("source \"{name}\" cannot be read from a file"))
                    .detail("Its events are the fields of Redis entries, which no file has."));
            }
            source.origin = Origin::File { path: path.clone() };
        }
        Ok(system)
    }

    /// What apply would do now. Looking may read a whole table, and take as long as it takes.
    pub async fn plan(&self, connection: &Connection, model: &Model) -> Result<(Plan, Facts)> {
        connection
            .batch_execute("begin read only; set local statement_timeout = 0")
            .await
            .map_err(|error| from_pg("could not begin to plan", &error))?;
        let result = self.plan_in_txn(connection, model).await;
        let _ = connection.batch_execute("rollback").await;
        result
    }

    /// The same, inside the transaction that the caller has open.
    pub async fn plan_in_txn(
        &self,
        connection: &Connection,
        model: &Model,
    ) -> Result<(Plan, Facts)> {
        let facts = read_facts(connection, &model.system, &model.catalog).await?;
        let mut plan = howdah_plan::plan(&model.system, &model.catalog, &facts)?;
        if plan.steps.iter().any(|step| step.id.starts_with("index ")) {
            // Which chunks have an index already is not in the catalog of a model.
            let scope = Scope { bare: None, ..MODEL };
            let catalog = Box::pin(introspect_in_txn(&**connection, scope)).await?;
            plan = howdah_plan::plan(&model.system, &catalog, &facts)?;
        }
        Ok((plan, facts))
    }

    /// Refuses a database without howdah's own schema.
    pub async fn require_applied(&self, connection: &Connection) -> Result<()> {
        let row = connection
            .query_one("select to_regclass('howdah.positions') is not null", &[])
            .await
            .map_err(|error| from_pg("could not look for howdah's schema", &error))?;
        if row.get(0) {
            return Ok(());
        }
        Err(Error::new(Kind::Conflict, "the system is not applied to this database yet")
            .code(Code::NotApplied)
            .hint("Run `howdah apply` first."))
    }

    /// Refuses a database whose schema of howdah's own is another version's.
    pub async fn require_current(&self, connection: &Connection) -> Result<()> {
        self.require_applied(connection).await?;
        let row = connection
            .query_one("select max(version) from howdah.version", &[])
            .await
            .map_err(|error| from_pg("could not read the version of howdah's schema", &error))?;
        let version: Option<i32> = row.get(0);
        if version == Some(howdah_plan::SCHEMA_VERSION) {
            return Ok(());
        }
        Err(Error::new(Kind::Conflict, "howdah's own schema is of another version of howdah")
            .code(Code::NotApplied)
            .hint("Run `howdah apply` first, with the newest howdah that uses this database."))
    }

    /// Where the database is, without secrets.
    pub fn database_name(&self) -> String {
        let options = &self.options;
        let place =
            format!("{}:{}/{}", options.get_host(), options.get_port(), options.get_database());
        if self.server.is_some() { format!("{place} (private)") } else { place }
    }

    /// What reaches a source: the folder of its files, the URL of its Redis or its broker.
    pub fn access(&self, source: &Source) -> Result<Access> {
        let url = match &source.origin {
            Origin::Redis { url, .. } => Some(secret(url, &self.folder)?),
            Origin::Mqtt(mqtt) => Some(secret(&mqtt.url, &self.folder)?),
            _ => None,
        };
        Ok(Access { folder: self.folder.clone(), url })
    }

    /// Stops the private server, if this process runs it.
    pub async fn close(self) -> Result<()> {
        match self.server {
            Some(server) => server.into_inner().stop().await,
            None => Ok(()),
        }
    }

    /// The superuser of the private server, for measurements.
    pub fn admin_options(&self) -> Result<ConnectOptions> {
        let admin = self.private_server().map(|server| server.admin_options());
        admin.map(|options| options.database(self.options.get_database())).ok_or_else(|| {
            Error::input("this needs the private server")
                .hint("Leave [database] out of the system file.")
        })
    }

    /// The folder of the migrations.
    pub fn migrations(&self) -> PathBuf {
        self.folder.join("migrations")
    }
}

/// `howdah.toml` in a folder, or the file itself.
pub fn system_path(given: &Path) -> PathBuf {
    if given.is_dir() {
        let path = given.join("howdah.toml");
        path.strip_prefix(".").map(Path::to_path_buf).unwrap_or(path)
    } else {
        given.to_path_buf()
    }
}

/// Reads a system file; every mistake of form at once.
pub fn read_system_file(path: &Path) -> Result<SystemFile> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(Kind::Io, format!("could not read the system file \"{}\"", path.display()))
            .code(Code::NoSystemFile)
            .hint("Name it with --file, or go to the folder that holds howdah.toml.")
            .source(error)
    })?;
    SystemFile::read_text(&path.display().to_string(), &text)
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

async fn database(
    file: &SystemFile,
    folder: &Path,
) -> Result<(ConnectOptions, Option<PrivateServer>)> {
    let config = file.database();
    let (options, server) = match &config.target {
        DatabaseTarget::Private => {
            let server =
                PrivateServer::start(&folder.join(PRIVATE), &ServerOptions::default()).await?;
            (server.options(), Some(server))
        }
        DatabaseTarget::Url(url) => (ConnectOptions::from_url(&secret(url, folder)?)?, None),
        DatabaseTarget::Parts { host, port, user, password, name } => {
            let user = user.clone().unwrap_or_else(|| "postgres".to_owned());
            let name = name.clone().unwrap_or_else(|| user.clone());
            let host = host.clone().unwrap_or_else(|| "localhost".to_owned());
            let mut options = ConnectOptions::new(host, port.unwrap_or(5432), user, name);
            if let Some(password) = password {
                options = options.password(secret(password, folder)?);
            }
            (options, None)
        }
    };
    Ok((with_settings(options, config)?, server))
}

fn with_settings(mut options: ConnectOptions, config: &DatabaseConfig) -> Result<ConnectOptions> {
    if let Some(mode) = &config.sslmode {
        options = options.ssl_mode(mode.parse::<SslMode>()?);
    }
    if let Some(root) = &config.sslrootcert {
        options = options.ssl_root_cert(if root.as_os_str() == "system" {
            RootCert::System
        } else {
            RootCert::File(root.clone())
        });
    }
    let defaults = *options.get_limits();
    Ok(options.limits(Limits {
        pool_size: config.pool_size.unwrap_or(defaults.pool_size),
        connect_timeout: config.connect_timeout.unwrap_or(defaults.connect_timeout),
        statement_timeout: config.statement_timeout.unwrap_or(defaults.statement_timeout),
        lock_timeout: config.lock_timeout.unwrap_or(defaults.lock_timeout),
        idle_in_transaction_timeout: config
            .idle_in_transaction_timeout
            .unwrap_or(defaults.idle_in_transaction_timeout),
    }))
}

/// The secret behind a reference; relative paths are taken from the system file's folder.
pub fn secret(reference: &SecretRef, folder: &Path) -> Result<String> {
    reference.resolve(&|name| std::env::var(name).ok(), &|path| {
        std::fs::read_to_string(folder.join(path))
    })
}
