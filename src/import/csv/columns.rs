//! Which column of a CSV file means what.

use crate::domain::Domain;
use crate::import::item::label;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    UserId,
    /// A user id or a reference.
    Subject,
    Metric,
    Nutrient,
    Meal,
    Code,
    Name,
    Category,
    Value,
    /// `<` where the value is a bound.
    Comparator,
    Unit,
    ReferenceRange,
    Interpretation,
    Start,
    End,
    Offset,
    Source,
    SourceId,
    Device,
    Note,
}

/// The columns of a file, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) domain: Domain,
    /// The names as the file writes them.
    names: Vec<String>,
    meanings: Vec<Option<Column>>,
}

impl Header {
    /// Reads the header line. `has_user` says that the caller names the user.
    pub(super) fn read(names: Vec<String>, has_user: bool) -> Result<Header, String> {
        let plain: Vec<String> = names.iter().map(|name| normal(name)).collect();
        let domain = domain(&plain)?;
        let meanings: Vec<_> = plain.iter().map(|name| meaning(name, domain)).collect();
        let header = Header {
            domain,
            names,
            meanings,
        };
        header.check_unique()?;
        header.check_complete(has_user)?;
        Ok(header)
    }

    pub(super) fn index(&self, column: Column) -> Option<usize> {
        self.meanings
            .iter()
            .position(|known| *known == Some(column))
    }

    /// The name of a column as the file writes it.
    pub(super) fn name(&self, index: usize) -> String {
        self.names
            .get(index)
            .map_or_else(String::new, |name| label(name))
    }

    /// Columns that no row takes anything from.
    pub(super) fn ignored(&self) -> impl Iterator<Item = String> {
        let unknown = (0..self.names.len()).filter(|index| self.meanings[*index].is_none());
        unknown.map(|index| self.name(index))
    }

    fn check_unique(&self) -> Result<(), String> {
        for (index, meaning) in self.meanings.iter().enumerate() {
            let first = meaning.and_then(|column| self.index(column));
            if let Some(first) = first.filter(|first| *first != index) {
                let (one, two) = (self.name(first), self.name(index));
                return Err(format!("the columns `{one}` and `{two}` mean the same"));
            }
        }
        Ok(())
    }

    fn check_complete(&self, has_user: bool) -> Result<(), String> {
        let has = |column| self.index(column).is_some();
        let time = match self.domain {
            Domain::Labs => "collected_at",
            Domain::Nutrition => "eaten_at",
            Domain::Vitals => "started_at",
        };
        let value = match self.domain {
            Domain::Nutrition => "amount",
            Domain::Vitals | Domain::Labs => "value",
        };
        let mut missing = Vec::new();
        if !has_user && !has(Column::UserId) && !has(Column::Subject) {
            missing.push("user_id");
        }
        if self.domain == Domain::Labs && !has(Column::Code) && !has(Column::Name) {
            missing.push("code or name");
        }
        if !has(Column::Value) {
            missing.push(value);
        }
        if !has(Column::Start) {
            missing.push(time);
        }
        if missing.is_empty() {
            return Ok(());
        }
        let domain = self.domain;
        let missing = missing.join(", ");
        Err(format!(
            "required columns of {domain} are missing: {missing}"
        ))
    }
}

/// Lower case, without what tells `started_at` from `startedAt`.
fn normal(name: &str) -> String {
    let kept = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-') && !c.is_whitespace());
    kept.flat_map(char::to_lowercase).collect()
}

fn domain(plain: &[String]) -> Result<Domain, String> {
    let first = |known: &[&'static str]| {
        let mut known = known.iter();
        known
            .find(|name| plain.iter().any(|found| found == *name))
            .copied()
    };
    // Only food diaries have it; in these `name` and `type` are of the food.
    if first(&["nutrient"]).is_some() {
        return Ok(Domain::Nutrition);
    }
    let vitals = first(&["metric", "type"]);
    let labs = first(&[
        "collectedat",
        "referencerange",
        "code",
        "loinc",
        "loinccode",
        "name",
        "testname",
    ]);
    match (vitals, labs) {
        (Some(_), None) => Ok(Domain::Vitals),
        (None, Some(_)) => Ok(Domain::Labs),
        (Some(vitals), Some(labs)) => Err(format!(
            "the column `{vitals}` says vitals and `{labs}` says labs"
        )),
        (None, None) => Err("required columns are missing: metric (vitals), \
                             code or name (labs), or nutrient (nutrition)"
            .to_owned()),
    }
}

fn meaning(plain: &str, domain: Domain) -> Option<Column> {
    let common = match plain {
        "userid" => Column::UserId,
        "user" | "patient" | "patientid" | "subject" | "subjectid" => Column::Subject,
        "value" => Column::Value,
        "comparator" => Column::Comparator,
        "unit" | "units" => Column::Unit,
        "utcoffsetminutes" | "utcoffset" => Column::Offset,
        "source" | "sourcename" => Column::Source,
        "sourceid" => Column::SourceId,
        "device" => Column::Device,
        "note" | "notes" | "comment" => Column::Note,
        "time" | "timestamp" | "date" | "datetime" => Column::Start,
        _ => {
            return match domain {
                Domain::Vitals => vital_meaning(plain),
                Domain::Labs => lab_meaning(plain),
                Domain::Nutrition => nutrition_meaning(plain),
            };
        }
    };
    Some(common)
}

fn vital_meaning(plain: &str) -> Option<Column> {
    Some(match plain {
        "metric" | "type" => Column::Metric,
        "startedat" | "startdate" | "start" | "starttime" => Column::Start,
        "endedat" | "enddate" | "end" | "endtime" => Column::End,
        _ => return None,
    })
}

fn lab_meaning(plain: &str) -> Option<Column> {
    Some(match plain {
        "code" | "loinc" | "loinccode" => Column::Code,
        "name" | "testname" => Column::Name,
        "category" => Column::Category,
        "result" => Column::Value,
        "referencerange" => Column::ReferenceRange,
        "interpretation" | "flag" => Column::Interpretation,
        "collectedat" | "collectiondate" | "collected" => Column::Start,
        _ => return None,
    })
}

fn nutrition_meaning(plain: &str) -> Option<Column> {
    Some(match plain {
        "nutrient" => Column::Nutrient,
        "amount" | "quantity" => Column::Value,
        "meal" | "mealtype" => Column::Meal,
        "eatenat" | "eaten" | "consumedat" | "startedat" | "startdate" => Column::Start,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(line: &str) -> Result<Header, String> {
        Header::read(line.split(',').map(str::to_owned).collect(), false)
    }

    #[test]
    fn knows_columns_in_any_order_and_spelling() {
        let found = header("Value,User ID,startDate,TYPE,sourceVersion").unwrap();
        assert_eq!(found.domain, Domain::Vitals);
        assert_eq!(found.index(Column::Start), Some(2));
        assert_eq!(found.ignored().collect::<Vec<_>>(), ["sourceVersion"]);
        let found = header("patient,loinc,result,time,reference_range").unwrap();
        assert_eq!(found.domain, Domain::Labs);
        assert_eq!(found.index(Column::Value), Some(2));
        let found = header("user,Name,Nutrient,Amount,Units,Meal,Eaten At").unwrap();
        assert_eq!(found.domain, Domain::Nutrition);
        assert_eq!(found.index(Column::Value), Some(3));
        assert_eq!(found.index(Column::Meal), Some(5));
        assert_eq!(found.index(Column::Start), Some(6));
        assert_eq!(found.ignored().collect::<Vec<_>>(), ["Name"]);
    }

    #[test]
    fn says_what_is_missing_or_twice() {
        let error = |line: &str| header(line).unwrap_err();
        assert_eq!(
            error("metric,unit"),
            "required columns of vitals are missing: user_id, value, started_at"
        );
        assert_eq!(
            error("collected_at,value,user"),
            "required columns of labs are missing: code or name"
        );
        assert_eq!(
            error("nutrient,unit"),
            "required columns of nutrition are missing: user_id, amount, eaten_at"
        );
        assert_eq!(
            error("metric,code,value"),
            "the column `metric` says vitals and `code` says labs"
        );
        assert_eq!(
            error("user_id,type,value,time,startDate"),
            "the columns `time` and `startDate` mean the same"
        );
        assert_eq!(
            error("a,b"),
            "required columns are missing: \
             metric (vitals), code or name (labs), or nutrient (nutrition)"
        );
    }
}
