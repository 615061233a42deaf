//! Words of results by what they mean, as laboratories write them in English,
//! German, French, Spanish, Italian, Portuguese, Dutch, the Scandinavian
//! languages, Polish, Czech, Turkish and others; without case, accents, blanks
//! and punctuation.

use super::words::Meaning;

pub(super) const LEXICON: [(Meaning, &str); 11] = [
    (
        Meaning::Negative,
        "noseobserva noseobservan noseaisla noseaislan nosevisualiza nosevisualizan negative neg negativ negativa negativo negatif negatief negatywny negatywna negatywne \
         ujemny ujemna ujemne negativni negativt negatiivinen negativeresult resultnegative \
         presumptivenegative отрицательный отрицательно отрицательныи 陰性 阴性 nonreactive \
         notreactive unreactive nonreact nonreac nonreactif nonreactivo nichtreaktiv \
         nonreattivo nonreattiva noreactivo noreactiva noreactive naoreagente naoreativo \
         naoreativa naoreator nietreactief ejreaktiv ickereaktiv ikkereaktiv niereaktywny \
         niereaktywne nonreaktif reaktifdegil notdetected nondetected nonedetected nodetected \
         undetected undetectable nondetectable notdetectable notdet nondet nothingdetected \
         nildetected nodetectado nodetectada nodetectable nosedetecta nosedetecto nosedetectan \
         indetectable indetectavel naodetectado naodetectada naodetectavel nondetecte \
         nondetectee indetectee nonrilevato nonrilevata nonrilevabile nonrilevati \
         nichtnachweisbar nichtnachgewiesen keinnachweis nichtdetektiert nichtdetektierbar \
         nietaantoonbaar nietaangetoond nietgedetecteerd ejpavisad ejpavisat ejdetekterad \
         ejpaviste ikkepavist ikkedetektert ikkedetekteret niewykryto niewykrywalny nieobecny \
         nieobecna nieobecne niestwierdzono saptanmadi tespitedilmedi gorulmedi notfound \
         notisolated notseen nonseen noneseen nilseen nonefound noneobserved noneisolated \
         noneidentified notidentified notobserved notpresent nonepresent notevident nil none \
         absent absence absente absents absentes ausente ausentes ausencia assente assenti \
         assenza afwezig franvarande brak yok fehlend keine keiner nessuno nessuna ninguno \
         ninguna nenhum nenhuma aucun aucune ingen inga nosecontiene nocontiene nogrowth \
         nogrowthtodate nogrowthfinal nobacterialgrowth keinwachstum keinkeimwachstum \
         keinekeime sincrecimiento sindesarrollo nohubodesarrollo nohubocrecimiento \
         absencedeculture culturesterile crescitaassente semcrescimento geengroei ingenvaxt \
         ingenvekst ingenvaekst brakwzrostu uremeolmadi sterile steril",
    ),
    (
        Meaning::Positive,
        "positive pos positiv positiva positivo positif positief pozytywny pozytywna dodatni \
         dodatnia dodatnie pozitif pozitivni positivt positiivinen положительный положительно \
         陽性 阳性 resultpositive positiveresult confirmedpositive positiveconfirmed \
         presumptivepositive preliminarypositive prelimpositive weaklypositive weakpositive \
         weakpos lowpositive highpositive moderatelypositive stronglypositive strongpositive \
         strongpos schwachpositiv starkpositiv faiblementpositif faiblepositif debilpositivo \
         debilmentepositivo debolmentepositivo fracamentepositivo zwakpositief svagtpositiv \
         slabododatni reactive react reaktiv reactif reactivo reactiva reattivo reattiva \
         reagente reativo reativa reactief reaktywny reaktywne reaktif repeatedlyreactive \
         repeatreactive weaklyreactive weakreactive stronglyreactive detected detectable \
         detectado detectada detecte detectee rilevato rilevata nachweisbar nachgewiesen \
         aantoonbaar aangetoond gedetecteerd pavisad pavisat pavist detekterad wykryto \
         wykrywalny tespitedildi saptandi present presente presentes presenti presence \
         presencia presenca presenza vorhanden aanwezig obecny obecna obecne growth growthseen \
         growthdetected growthpresent wachstum crecimiento isolated seen found observed \
         identified",
    ),
    (
        Meaning::Trace,
        "tracelysed traceintact tracenonhemolyzed tracehemolyzed trace traces tr trac trc traceseen spur spuren spurweise traza trazas traccia tracce \
         traco tracos vestigios indicios spoor sporen spar slad slady sladowe sladowa eser \
         tracepositive",
    ),
    (
        Meaning::Grade,
        "few fewseen rare rareseen occasional occ occasionalseen some several moderate mod many \
         manyseen moderateseen numerous small smallamount moderateamount largeamount large \
         heavy light scant scanty abundant sparse tntc toonumeroustocount innumerable \
         lightgrowth scantgrowth scantygrowth moderategrowth heavygrowth sparsegrowth oneplus \
         twoplus threeplus fourplus 1plus 2plus 3plus 4plus plus1 plus2 plus3 plus4 pos1 pos2 \
         pos3 pos4 positive1 positive2 positive3 positive4 vereinzelt wenig wenige massig \
         massenhaft reichlich viele zahlreich escaso escasa escasos escasas moderado moderada \
         moderados moderadas abundante abundantes algunos algunas rares quelques nombreux \
         nombreuses rari scarsi scarse numerosi numerose raros raras alguns algumas numerosos \
         numerosas weinig matig veel nieliczne liczne",
    ),
    (
        Meaning::Unclear,
        "equivocal equiv indeterminate indet inconclusive borderline grayzone greyzone \
         undetermined weaklyequivocal grenzwertig fraglich fraglichpositiv unbestimmt unklar \
         indeterminado indeterminada dudoso dudosa equivoco equivoque indetermine douteux \
         douteuse limite dubbio indeterminato dubieus grensgeval gransvarde watpliwy supheli nr",
    ),
    (Meaning::Immune, "immune immun immunise inmune imune immuun"),
    (
        Meaning::NotImmune,
        "nonimmune notimmune nichtimmun noimmune noninmune noinmune naoimune nietimmuun nonimmun",
    ),
    (
        Meaning::Normal,
        "norm ob normal wnl withinnormallimits withinnormal withinnormalrange withinrange inrange \
         withinreferencerange unremarkable unauffallig normale normaux normales normaal normali \
         normalt normalny normalna prawidlowy prawidlowa prawidlowe normalni normalbefund \
         ohnebefund",
    ),
    (
        Meaning::Abnormal,
        "abnormal abn abnl anormal anormale anormales anormaal abnorm abnormt auffallig \
         pathologisch patologico patologica abnormaal nieprawidlowy nieprawidlowa outofrange \
         outsiderange outsideofrange",
    ),
    (Meaning::NotDetectedOrNotDone, "nd"),
    (
        Meaning::NoResult,
        "resultpending pendingresult pendingresults resultspending resultstofollow resulttofollow tobefollowed notmeasured brokentube labaccident hamolytischeprobe probehamolytisch skommentar sbemerkung sanmerkung sbefund nb ka tnp tnpcanc qns quantitynotsufficient quantitynonsufficient quantityinsufficient \
         quantitynotsufficientqns qtynotsufficient insufficientquantity insufficient \
         insufficientspecimen insufficientsample insufficientvolume specimeninsufficient \
         sampleinsufficient notsufficient notenoughsample hemolyzed haemolyzed hemolysed \
         haemolysed hemolysis haemolysis grosslyhemolyzed grosshemolysis clotted seenote \
         seenotes seecomment seecomments seereport seebelow seeabove seeattached \
         seeinterpretation seetext seefinalreport seescanned seeseparatereport comment comments \
         note pending pend inprocess inprogress tofollow rejected unsatisfactory unsat \
         cancelled canceled canc cancel cancelledbylab ordercancelled ordercanceled \
         notperformed notdone notrun nottested testnotdone testnotperformed testnotrun \
         notreported notavailable unavailable resultnotavailable notreceived nosample \
         nospecimen nosamplereceived nospecimenreceived nottaken notcollected uncollected \
         mislabeled mislabelled unlabeled unlabelled error laberror instrumenterror invalid \
         invalidresult contaminated dnr duplicate duplicaterequest duplicateorder na null \
         unknown notapplicable tba tbd void voided recollect pleaserecollect redraw \
         repeatspecimen noresult noresults noresultavailable notinterpretable uninterpretable \
         wrongtube notcalculated notcalculable incalculable cannotbecalculated leaked \
         specimenlost notresulted unresulted blank nodata missing hamolytisch haemolytisch \
         hamolyse hamolysiert nichtdurchgefuhrt nichtbestimmt nichtbestimmbar nichtauswertbar \
         nichtmessbar nichtverwertbar materialfehlt keinmaterial zuwenigmaterial \
         materialunzureichend unzureichend folgt folgtnoch siehebefund siehekommentar \
         sieheanmerkung sieheunten inarbeit ausstehend geronnen storniert entfallt \
         nichtberechenbar hemolyse echantillonhemolyse encours voircommentaire voirnote \
         voirrapport nonrealise nonrealisee nonfait noneffectue insuffisant \
         quantiteinsuffisante prelevementinsuffisant coagule annule ininterpretable nonconforme \
         enattente hemolizado hemolizada muestrahemolizada muestrainsuficiente insuficiente \
         cantidadinsuficiente pendiente verobservaciones verobservacion vernota vercomentario \
         enproceso norealizado norealizada coagulado coagulada muestracoagulada anulado \
         cancelado noprocesado noprocesada emolizzato campioneemolizzato insufficiente \
         campioneinsufficiente incorso vedinota noneseguito noneseguibile coagulato annullato \
         hemolisado hemolisada amostrahemolisada amostrainsuficiente pendente emandamento \
         verobservacao naorealizado naorealizada coletarnovamente hemolytisch gehemolyseerd \
         onvoldoende onvoldoendemateriaal volgt zieopmerking nietbepaald nietuitgevoerd gestold \
         geenmateriaal hemolyserat hemolyserad hemolys ejutford sekommentar koagulerat foljer \
         hemoliza wtrakcie niewykonano skrzep probkahemolizowana hemolizli yetersiznumune \
         pihtili calisilmadi beklemede",
    ),
];
