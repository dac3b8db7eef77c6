//! Templates, and which of them a message takes.

use contracts::notification::v1::{
    CreateTemplateRequest, NotificationReason, RenderTemplateRequest, RenderTemplateResponse, Template,
    TemplateApi, UpdateTemplateRequest,
};
use kit::{Error, Result};
use store::Cx;

use crate::builtin;
use crate::render::{self, Text};

/// Templates. One that cannot be read is refused when it is written, not when a customer waits for it.
#[derive(Debug)]
pub struct Templates;

impl TemplateApi for Templates {
    async fn create_template(&self, cx: &mut Cx, request: CreateTemplateRequest) -> Result<Template> {
        let template = request.template.ok_or_else(|| Error::invalid("template", "is required"))?;
        text(&template).check()?;
        cx.create(template).await
    }

    async fn update_template(&self, cx: &mut Cx, request: UpdateTemplateRequest) -> Result<Template> {
        let patch = request.template.ok_or_else(|| Error::invalid("template", "is required"))?;
        let template = cx.update(patch, request.update_mask.as_ref(), "template").await?;
        text(&template).check()?;
        Ok(template)
    }

    async fn render_template(
        &self,
        cx: &mut Cx,
        request: RenderTemplateRequest,
    ) -> Result<RenderTemplateResponse> {
        let template: Template = cx.get(&request.id).await?;
        let Text { subject, body_text, body_html } = text(&template).fill(&render::data(request.data))?;
        Ok(RenderTemplateResponse { subject, body_text, body_html })
    }
}

/// A template to be filled, and its language.
#[derive(Debug)]
pub struct Chosen {
    pub locale: String,
    pub text: Text,
}

/// The tenant's own template of the key in the wanted language, its parent or English, else the built-in one.
pub async fn choose(cx: &mut Cx, key: &str, locale: &str) -> Result<Chosen> {
    let locales = fallbacks(locale);
    let query = sqlx::query_as::<_, (String, String, String, String)>(
        "select locale, subject, body_text, body_html from templates
         where key = $1 and lower(locale) = any($2) order by array_position($2, lower(locale)) limit 1",
    );
    if let Some((locale, subject, body_text, body_html)) = cx.row(query.bind(key).bind(&locales)).await? {
        return Ok(Chosen { locale, text: Text { subject, body_text, body_html } });
    }
    built_in(key, locale)
}

/// The built-in template of the key.
pub fn built_in(key: &str, locale: &str) -> Result<Chosen> {
    let (locale, text) = builtin::find(key, &fallbacks(locale))
        .ok_or_else(|| Error::from(NotificationReason::TemplateUnknown).with("template_key", key))?;
    Ok(Chosen { locale, text })
}

/// The language wanted, its parents, and English, in lower case.
fn fallbacks(locale: &str) -> Vec<String> {
    let mut locales = Vec::new();
    let mut rest = locale.to_ascii_lowercase().replace('_', "-");
    while !rest.is_empty() {
        locales.push(rest.clone());
        rest = rest.rsplit_once('-').map(|(parent, _)| parent.to_owned()).unwrap_or_default();
    }
    if !locales.iter().any(|one| one == "en") {
        locales.push("en".to_owned());
    }
    locales
}

fn text(template: &Template) -> Text {
    Text {
        subject: template.subject.clone(),
        body_text: template.body_text.clone(),
        body_html: template.body_html.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_falls_back_to_its_parent_and_english() {
        // The nearest language must win, and English must always be there.
        assert_eq!(fallbacks("de-AT"), ["de-at", "de", "en"]);
        assert_eq!(fallbacks("zh_Hant-TW"), ["zh-hant-tw", "zh-hant", "zh", "en"]);
        assert_eq!(fallbacks("en-GB"), ["en-gb", "en"]);
        assert_eq!(fallbacks(""), ["en"]);
        assert_eq!(built_in(builtin::ORDER_CONFIRMATION, "de-AT").unwrap().locale, "de");
        assert_eq!(built_in(builtin::ORDER_CONFIRMATION, "fr").unwrap().locale, "en");
        assert!(built_in("none", "en").unwrap_err().is(NotificationReason::TemplateUnknown));
    }
}
