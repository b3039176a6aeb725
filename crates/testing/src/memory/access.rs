//! The port of users, keys and settings.

use async_trait::async_trait;
use procession_domain::value::{Timestamp, UserId};

use super::{MemoryStore, Tables};
use procession_application::ports::{AccessError, AccessStore, ApiKey, NewUser, Role, Setting, StoreError, User};

#[async_trait]
impl AccessStore for MemoryStore {
    async fn create_user(&self, user: &NewUser) -> Result<(), AccessError> {
        self.tables().add_user(user)
    }

    async fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        Ok(self.tables().user_mut(name).cloned())
    }

    async fn users(&self) -> Result<Vec<User>, StoreError> {
        let mut users = self.tables().users.clone();
        users.sort_by_key(|user| user.name.to_lowercase());
        Ok(users)
    }

    async fn set_role(&self, name: &str, role: &str) -> Result<(), AccessError> {
        let mut tables = self.tables();
        if Role::of(role) != Role::Admin {
            tables.check_not_only_admin(name)?;
        }
        let user = tables.user_mut(name).ok_or(AccessError::Unknown)?;
        user.session_generation += u32::from(user.role != role);
        role.clone_into(&mut user.role);
        Ok(())
    }

    async fn set_password(&self, name: &str, hash: &str) -> Result<(), AccessError> {
        let mut tables = self.tables();
        let user = tables.user_mut(name).ok_or(AccessError::Unknown)?;
        user.password_hash = Some(hash.to_owned());
        user.session_generation += 1;
        Ok(())
    }

    async fn end_sessions(&self, name: &str) -> Result<(), AccessError> {
        self.tables().user_mut(name).ok_or(AccessError::Unknown)?.session_generation += 1;
        Ok(())
    }

    async fn end_session(&self, token: &[u8; 32], until: Option<Timestamp>, now: Timestamp) -> Result<(), StoreError> {
        let ended = &mut self.tables().ended_sessions;
        ended.retain(|_, until| until.is_none_or(|until| now < until));
        ended.entry(*token).or_insert(until);
        Ok(())
    }

    async fn is_session_ended(&self, token: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(self.tables().ended_sessions.contains_key(token))
    }

    async fn logged_in(&self, name: &str, at: Timestamp) -> Result<(), StoreError> {
        if let Some(user) = self.tables().user_mut(name) {
            user.last_login = Some(at);
        }
        Ok(())
    }

    async fn remove_user(&self, name: &str) -> Result<(), AccessError> {
        let mut tables = self.tables();
        tables.check_not_only_admin(name)?;
        let removed = tables.user_mut(name).ok_or(AccessError::Unknown)?.name.clone();
        tables.users.retain(|user| user.name != removed);
        tables.api_keys.retain(|key| key.user != removed);
        Ok(())
    }

    async fn create_key(&self, key: &ApiKey) -> Result<(), AccessError> {
        let mut tables = self.tables();
        let user = tables.user_mut(&key.user).ok_or(AccessError::Unknown)?.name.clone();
        if tables.api_keys.iter().any(|known| known.hash == key.hash) {
            return Err(AccessError::Taken);
        }
        let key = key.clone();
        tables.api_keys.push(ApiKey { user, ..key });
        Ok(())
    }

    async fn key(&self, hash: &str) -> Result<Option<ApiKey>, StoreError> {
        let tables = self.tables();
        Ok(tables.api_keys.iter().find(|key| key.hash == hash).cloned())
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let mut keys = self.tables().api_keys.clone();
        keys.sort_by_key(|key| std::cmp::Reverse((key.created_at, key.id)));
        Ok(keys)
    }

    async fn revoke_key(&self, id: UserId, at: Timestamp) -> Result<(), AccessError> {
        let mut tables = self.tables();
        let key = tables.key_mut(id).ok_or(AccessError::Unknown)?;
        key.revoked_at.get_or_insert(at);
        Ok(())
    }

    async fn key_used(&self, id: UserId, at: Timestamp) -> Result<(), StoreError> {
        let hour = ApiKey::time_of_use(at);
        if let Some(key) = self.tables().key_mut(id) {
            key.last_used_at = Some(key.last_used_at.map_or(hour, |before| before.max(hour)));
        }
        Ok(())
    }

    async fn setting(&self, setting: Setting) -> Result<Option<String>, StoreError> {
        Ok(self.tables().settings.get(setting.name()).cloned())
    }

    async fn set_setting(&self, setting: Setting, value: &str) -> Result<(), StoreError> {
        self.tables().settings.insert(setting.name(), value.to_owned());
        Ok(())
    }

    async fn complete_setup(&self, admin: &NewUser) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let setting = Setting::SetupCompleted.name();
        if tables.settings.contains_key(setting) {
            return Ok(false);
        }
        tables.settings.insert(setting, "true".to_owned());
        match tables.user_mut(&admin.name) {
            Some(user) => {
                user.role.clone_from(&admin.role);
                user.password_hash.clone_from(&admin.password_hash);
                user.session_generation += 1;
            }
            None => tables.users.push(admin.clone().into()),
        }
        Ok(true)
    }
}

impl Tables {
    fn add_user(&mut self, user: &NewUser) -> Result<(), AccessError> {
        let wanted: Vec<String> =
            [Some(&user.name), user.email.as_ref()].into_iter().flatten().map(|name| name.to_lowercase()).collect();
        let is_taken = |known: &User| {
            let mut names = [Some(&known.name), known.email.as_ref()].into_iter().flatten();
            names.any(|name| wanted.contains(&name.to_lowercase()))
        };
        if self.users.iter().any(is_taken) {
            return Err(AccessError::Taken);
        }
        self.users.push(user.clone().into());
        Ok(())
    }

    fn check_not_only_admin(&self, name: &str) -> Result<(), AccessError> {
        let mut admins = self.users.iter().filter(|user| Role::of(&user.role) == Role::Admin);
        match (admins.next(), admins.next()) {
            (Some(only), None) if only.name.to_lowercase() == name.to_lowercase() => {
                Err(AccessError::LastAdmin(only.name.clone()))
            }
            _ => Ok(()),
        }
    }

    fn user_mut(&mut self, name: &str) -> Option<&mut User> {
        let name = name.to_lowercase();
        self.users.iter_mut().find(|user| user.name.to_lowercase() == name)
    }

    fn key_mut(&mut self, id: UserId) -> Option<&mut ApiKey> {
        self.api_keys.iter_mut().find(|key| key.id == id)
    }
}
