//! A file of each ORM, whole and broken.

use super::*;

const PRISMA: &str = r#"
datasource db {
  provider = "postgresql"
}
/// model Old { id Int }
model User {
  id      BigInt   @id @default(autoincrement())
  email   String   @unique @db.VarChar(255) // unique
  name    String?  @map("full_name")
  state   State    @default(NEW)
  tags    String[]
  orgId   String   @db.Uuid @map("org_id")
  org     Org      @relation(fields: [orgId], references: [id], onDelete: Cascade)
  @@index([orgId, name(sort: Desc)])
  @@map("users")
  @@schema("app")
}
model Org {
  id    String @id @db.Uuid
  users User[]
}
model Gone {
  id Int @id
  @@ignore
}
enum State { NEW }
"#;

const DRIZZLE: &str = r#"
import { pgSchema, pgTable } from "drizzle-orm/pg-core";
const app = pgSchema("app");
export const orgs = app.table("orgs", { id: uuid("id").primaryKey().defaultRandom() });
export const users = pgTable("users", {
  id: bigserial("id", { mode: "number" }).primaryKey(),
  email: varchar("email", { length: 255 }).notNull().unique(), // "x"
  orgId: uuid("org_id").references((): AnyPgColumn => orgs.id, { onDelete: "cascade" }),
  createdAt: timestamp("created_at", { withTimezone: true }).defaultNow(),
  updatedAt: timestamp(),
  tags: text("tags").array().notNull(),
  ...more,
}, (t) => ({
  a: index("users_org").on(t.orgId, t.createdAt),
  b: uniqueIndex("users_lower").on(sql`lower(${t.email})`),
  c: index("open").on(t.orgId).where(sql`true`),
}));
"#;

const DIESEL: &str = r#"
diesel::table! {
    use diesel::sql_types::*;
    /// Users.
    #[sql_name = "user"]
    app.users (id) {
        id -> Int8,
        #[max_length = 255]
        email -> Varchar,
        #[sql_name = "type"]
        type_ -> Nullable<Text>,
        tags -> Array<Nullable<Text>>,
        blocks -> Range<Int4>,
        state -> State,
    }
}
diesel::table! { posts (id) { id -> Int4, author_id -> Int8, } }
diesel::table! { pg_catalog.pg_class (oid) { oid -> Oid, } }
diesel::table! { pg_namespace (oid) { oid -> Oid, } }
diesel::joinable!(posts -> users (author_id));
diesel::allow_tables_to_appear_in_same_query!(posts, users,);
"#;

const SQLALCHEMY: &str = r#"
from sqlalchemy import Column, Table
class Base(DeclarativeBase):
    pass
class User(Base):
    """A user: name = Column("no", Text)"""
    __tablename__ = "users"
    __table_args__ = (
        Index("users_org", "org_id", "at"),
        UniqueConstraint("org_id", "email", name="once"),
        {"schema": "app"},
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)  # text
    nickname: Mapped[Optional[str]] = mapped_column("nick", sa.Text)
    org_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("app.orgs.id"), index=True)
    at = Column(DateTime(timezone=True), nullable=False)
    posts: Mapped[list["Post"]] = relationship(back_populates="user")
    def name(self):
        x = 1
tags = Table("tags", metadata, Column("id", Integer, primary_key=True),
             Column("text", Text), schema="app")
"#;

fn models(path: &str, text: &str) -> Vec<Model> {
    if is_schema(path) {
        return of_schemas([(path, text)].into_iter());
    }
    of_sources(&[SourceFile::read(path.to_owned(), text.to_owned()).unwrap()])
}

fn columns(model: &Model) -> Vec<(&str, &str, Option<bool>)> {
    let first = |column: &ModelColumn| column.types.first().copied().unwrap_or("");
    model.columns.iter().map(|c| (c.name.as_str(), first(c), c.nullable)).collect()
}

fn indexes(model: &Model) -> Vec<(String, bool)> {
    model.indexes.iter().map(|index| (index.columns.join(","), index.unique)).collect()
}

fn relations(model: &Model) -> Vec<(String, &str)> {
    model.relations.iter().map(|r| (r.columns.join(","), r.table.as_str())).collect()
}

#[test]
fn prisma_is_read() {
    let found = models("schema.prisma", PRISMA);
    assert_eq!(found.iter().map(Model::name).collect::<Vec<_>>(), ["app.users", "Org"]);
    let not_null = Some(false);
    assert_eq!(
        columns(&found[0]),
        [
            ("id", "int8", not_null),
            ("email", "varchar", not_null),
            ("full_name", "text", Some(true)),
            ("state", "", not_null),
            ("tags", "", None),
            ("org_id", "uuid", not_null),
        ]
    );
    assert_eq!(indexes(&found[0]), [("email".into(), true), ("org_id,full_name".into(), false)]);
    assert_eq!(relations(&found[0]), [("org_id".into(), "Org")]);
    assert_eq!(found[0].place.position.line, 6);
    assert!(models("schema.prisma", &PRISMA.replace("postgresql", "mysql")).is_empty());
}

#[test]
fn drizzle_is_read() {
    let found = models("schema.ts", DRIZZLE);
    assert_eq!(found.iter().map(Model::name).collect::<Vec<_>>(), ["app.orgs", "users"]);
    assert_eq!(
        columns(&found[1]),
        [
            ("id", "int8", Some(false)),
            ("email", "text", Some(false)),
            ("org_id", "uuid", Some(true)),
            ("created_at", "timestamptz", Some(true)),
            ("tags", "", Some(false)),
        ]
    );
    assert_eq!(indexes(&found[1]), [("email".into(), true), ("org_id,created_at".into(), false)]);
    assert_eq!(relations(&found[1]), [("org_id".into(), "orgs")]);
}

#[test]
fn diesel_is_read() {
    let found = models("schema.rs", DIESEL);
    assert_eq!(found.iter().map(Model::name).collect::<Vec<_>>(), ["app.user", "posts"]);
    assert_eq!(
        columns(&found[0]),
        [
            ("id", "int8", Some(false)),
            ("email", "text", Some(false)),
            ("type", "text", Some(true)),
            ("tags", "", Some(false)),
            ("blocks", "", Some(false)),
            ("state", "", Some(false)),
        ]
    );
    assert_eq!(relations(&found[1]), [("author_id".into(), "user")]);
}

#[test]
fn sqlalchemy_is_read() {
    let found = models("models.py", SQLALCHEMY);
    assert_eq!(found.iter().map(Model::name).collect::<Vec<_>>(), ["app.users", "app.tags"]);
    assert_eq!(
        columns(&found[0]),
        [
            ("id", "int8", Some(false)),
            ("email", "text", Some(false)),
            ("nick", "text", Some(true)),
            ("org_id", "", Some(true)),
            ("at", "timestamptz", Some(false)),
        ]
    );
    assert_eq!(
        indexes(&found[0]),
        [
            ("org_id,at".into(), false),
            ("org_id,email".into(), true),
            ("email".into(), true),
            ("org_id".into(), false)
        ]
    );
    assert_eq!(relations(&found[0]), [("org_id".into(), "orgs")]);
    assert_eq!(columns(&found[1]), [("id", "int4", Some(false)), ("text", "text", Some(true))]);
}

/// Every beginning, every end, and texts with pieces taken out, doubled and put elsewhere.
#[test]
fn no_text_is_a_panic_or_takes_for_ever() {
    let files = [("a.prisma", PRISMA), ("a.ts", DRIZZLE), ("a.rs", DIESEL), ("a.py", SQLALCHEMY)];
    for (path, text) in files {
        for (at, _) in text.char_indices() {
            models(path, &text[..at]);
            models(path, &text[at..]);
        }
        // Knuth's linear congruential generator: the same texts each time.
        let mut state = 1_u64;
        let mut next = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for _ in 0..2_000 {
            let mut changed: Vec<char> = text.chars().collect();
            for _ in 0..3 {
                let (from, to) = (next(changed.len()), next(changed.len()));
                let piece: Vec<char> = changed[from..(from + 12).min(changed.len())].to_vec();
                if next(2) == 0 {
                    changed.drain(from..(from + 5).min(changed.len()));
                }
                let to = to.min(changed.len());
                changed.splice(to..to, piece);
                changed.insert(next(changed.len()), ['(', '}', '"', '\'', '[', 'ä'][next(6)]);
            }
            models(path, &changed.into_iter().collect::<String>());
        }
        let deep = "([{".repeat(100_000);
        models(path, &format!("{text}{deep}"));
        models(path, &format!("drizzle-orm/pg-core sqlalchemy table! {{ {deep} {text}"));
    }
}
