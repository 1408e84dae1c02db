create table if not exists "twinkey_migrations" (version integer primary key, name text not null) strict;
insert into "twinkey_migrations" values (1, 'keys, labels and uses');
create table "twinkey_keys" (id text primary key not null, version integer not null, record text not null, labels text not null) strict;
create table "twinkey_labels" (label text not null, key_id text not null, primary key (label, key_id)) strict, without rowid;
create table "twinkey_uses" (key_id text not null, secret_id text not null, used_at integer not null, primary key (key_id, secret_id)) strict, without rowid;
create trigger "twinkey_created" after insert on "twinkey_keys" begin
  insert into "twinkey_labels" select value, new.id from json_each(new.labels);
end;
create trigger "twinkey_relabelled" after update of labels on "twinkey_keys" when old.labels <> new.labels begin
  delete from "twinkey_labels" where key_id = old.id and label in (select value from json_each(old.labels));
  insert into "twinkey_labels" select value, new.id from json_each(new.labels);
end;
create trigger "twinkey_deleted" after delete on "twinkey_keys" begin
  delete from "twinkey_labels" where key_id = old.id and label in (select value from json_each(old.labels));
  delete from "twinkey_uses" where key_id = old.id;
end;
