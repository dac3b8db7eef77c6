//! What the plans of tenants allow.

use std::collections::BTreeMap;

use super::window::Quota;

/// The limits of one plan; one that is none is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) user: Option<Quota>,
    pub(crate) key: Option<Quota>,
    pub(crate) tenant: Option<Quota>,
}

/// All plans by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plans {
    plans: BTreeMap<String, Plan>,
    /// The one of tokens that name none, or one that is not known.
    default: String,
}

impl Default for Plans {
    /// `free=1000/h`
    fn default() -> Self {
        Self::parse("free=1000/h").expect("the default is well formed")
    }
}

impl Plans {
    /// Reads `free=1000/h; pro=user:20000/h,key:5000/h,tenant:100000/h; internal=unlimited`. A
    /// number without a name is a user's limit; the windows are `s`, `m`, `h` and `d`, with a
    /// factor if need be (`15m`). The first plan is that of tokens which name none.
    ///
    /// # Errors
    /// Names the part that cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut plans = BTreeMap::new();
        let mut default = None;
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, limits) = part.split_once('=').ok_or_else(|| format!("{part:?} is no plan=limits"))?;
            let name = name.trim();
            if name.is_empty() || plans.insert(name.to_owned(), plan(limits)?).is_some() {
                return Err(format!("{part:?} has no name of its own"));
            }
            default.get_or_insert_with(|| name.to_owned());
        }
        Ok(Self { plans, default: default.ok_or("there is no plan")? })
    }

    pub(crate) fn of(&self, name: Option<&str>) -> Plan {
        let named = name.and_then(|name| self.plans.get(name));
        named.or_else(|| self.plans.get(&self.default)).copied().unwrap_or_default()
    }
}

fn plan(text: &str) -> Result<Plan, String> {
    let mut plan = Plan::default();
    if text.trim() == "unlimited" {
        return Ok(plan);
    }
    for one in text.split(',').map(str::trim) {
        let (who, rate) = one.split_once(':').unwrap_or(("user", one));
        let place = match who.trim() {
            "user" => &mut plan.user,
            "key" => &mut plan.key,
            "tenant" => &mut plan.tenant,
            _ => return Err(format!("{one:?} limits neither user, key nor tenant")),
        };
        *place = Some(quota(rate)?);
    }
    Ok(plan)
}

/// Reads `1000/h` or `100/15m`.
pub(crate) fn quota(text: &str) -> Result<Quota, String> {
    let wrong = || format!("{text:?} is no rate such as 1000/h");
    let (limit, window) = text.trim().split_once('/').ok_or_else(wrong)?;
    let unit_at = window.len().checked_sub(1).filter(|at| window.is_char_boundary(*at)).ok_or_else(wrong)?;
    let (factor, unit) = window.split_at(unit_at);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let factor: u32 = if factor.is_empty() { 1 } else { factor.parse().map_err(|_| wrong())? };
    let seconds =
        factor.checked_mul(unit).filter(|seconds| (1..=31 * 86_400).contains(seconds)).ok_or_else(wrong)?;
    Ok(Quota { limit: limit.trim().parse().map_err(|_| wrong())?, seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read() {
        let quota = |limit, seconds| Some(Quota { limit, seconds });
        let plans =
            Plans::parse("free=1000/h; pro = user:20000/h, key:50/15m,tenant:7/d;in=unlimited").unwrap();
        assert_eq!(plans.of(None), Plan { user: quota(1000, 3600), ..Plan::default() });
        assert_eq!(plans.of(Some("no such plan")), plans.of(Some("free")));
        let pro = Plan { user: quota(20_000, 3600), key: quota(50, 900), tenant: quota(7, 86_400) };
        assert_eq!(plans.of(Some("pro")), pro);
        assert_eq!(plans.of(Some("in")), Plan::default());
        assert_eq!(Plans::default().of(None).user, quota(1000, 3600));
        for bad in [
            "",
            "free",
            "=1/h",
            "a=1/h;a=2/h",
            "a=1",
            "a=1/x",
            "a=x/h",
            "a=team:1/h",
            "a=1/0h",
            "a=-1/h",
            "a=1/ü",
        ] {
            assert!(Plans::parse(bad).is_err(), "{bad}");
        }
    }
}
