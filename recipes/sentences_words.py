"""Word lists and patterns that the slots draw from."""

# Given and family names that Faker has in their own script only.
GIVEN = (
    "Wei Li Na Xin Yi Ming Jun Hui Ying Feng Tao Jing Yan Hao Chen Min-jun Seo-yeon Ji-woo Ha-eun Hyun Soo-jin Yuna "
    "Hiroshi Yuki Haruto Sakura Aiko Kenji Takumi Naomi Ren Akira Mio Priya Arjun Ananya Rohan Deepak Sunita Lakshmi "
    "Vikram Meera Rahul Kavya Sanjay Asha Mohammed Ahmed Fatima Aisha Omar Layla Hassan Yusuf Zainab Khalid Nour Ibrahim "
    "Mariam Reza Shirin Farid Leila Darius Noa Yael Avi Tamar Eitan Moshe Shira Somchai Anong Malee Niran Chukwuemeka "
    "Ngozi Amina Kwame Abena Thabo Lerato Zanele Sipho Tariq Bilal Imran Saima Nguyen Thanh Linh Minh"
).split()
FAMILY = (
    "Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Kim Lee Park Choi Jung Kang Yoon Tanaka Suzuki Sato Watanabe Ito "
    "Yamamoto Nakamura Kobayashi Kato Yoshida Singh Patel Sharma Kumar Gupta Reddy Nair Iyer Mehta Das Khan Malik Hussain "
    "Al-Farsi Haddad Nasser Mansour El-Sayed Saleh Rahimi Hosseini Karimi Cohen Levi Mizrahi Peretz Friedman Suwan "
    "Chaiyasit Okafor Adeyemi Mensah Owusu Nkosi Dlamini Mokoena Botha Tran Nguyen Pham Le Vo Abdullah Rahman Ismail "
    "Santoso Wijaya Reyes Bautista Dela-Cruz Santos"
).split()
PARTICLES = (
    "van der",
    "van",
    "de",
    "de la",
    "von",
    "von der",
    "del",
    "da",
    "dos",
    "di",
    "al-",
    "bin",
    "O'",
    "Mc",
    "St. ",
)
TITLES = (
    "Mr. Mr. Mr Mrs. Mrs. Mrs Ms. Ms Miss Dr. Dr. Dr Prof. Prof Professor Doctor Sir Lady Rev. Fr. Mx. Hon. Judge Madam "
    "Herr Frau Señor Señora Don Mme M. Capt. Sgt. Lt. Col. Sister Rabbi Imam mr mrs ms dr mr. ms. MR MRS MS"
).split()
NATIONS = (
    "American British English Scottish Welsh Irish French German Italian Spanish Portuguese Dutch Belgian Swiss Austrian "
    "Swedish Norwegian Danish Finnish Icelandic Polish Czech Slovak Hungarian Romanian Bulgarian Greek Turkish Cypriot "
    "Maltese Croatian Serbian Bosnian Slovenian Albanian Macedonian Ukrainian Russian Belarusian Lithuanian Latvian "
    "Estonian Georgian Armenian Azerbaijani Kazakh Uzbek Afghan Pakistani Indian Bangladeshi Nepali Tibetan Thai "
    "Vietnamese Cambodian Laotian Burmese Malaysian Indonesian Filipino Singaporean Chinese Taiwanese Japanese Korean "
    "Mongolian Australian Canadian Mexican Cuban Jamaican Haitian Dominican Brazilian Argentine Argentinian Chilean "
    "Peruvian Bolivian Colombian Venezuelan Ecuadorian Uruguayan Paraguayan Egyptian Moroccan Algerian Tunisian Libyan "
    "Sudanese Ethiopian Eritrean Somali Kenyan Tanzanian Ugandan Rwandan Nigerian Ghanaian Senegalese Congolese Angolan "
    "Zambian Zimbabwean Namibian Israeli Palestinian Lebanese Syrian Jordanian Iraqi Iranian Persian Saudi Emirati Kuwaiti "
    "Yemeni Omani Kurdish Basque Catalan Flemish Hispanic Latino Latina Asian African European Caribbean Arab Roma Samoan "
    "Tongan Fijian Greenlandic Hawaiian Panamanian Salvadoran Guatemalan Honduran Nicaraguan Luxembourgish Montenegrin "
    "Danish Finnish Moldovan Ivorian Malian Gambian Cameroonian Botswanan Mauritian Bhutanese Qatari Bahraini Sri-Lankan "
    "Andorran Antiguan Bahamian Barbadian Belizean Beninese Bermudian Bruneian Burkinabe Burundian Chadian Comorian "
    "Djiboutian Eswatini Gabonese Grenadian Guinean Guyanese Kittitian Kosovar Kyrgyz Lesothan Liberian Liechtensteiner "
    "Macanese Malagasy Malawian Maldivian Marshallese Mauritanian Micronesian Monacan Mozambican Nauruan Nigerien Palauan "
    "Papuan Puerto-Rican Sammarinese Seychellois Surinamese Swazi Tajik Togolese Trinidadian Turkmen Tuvaluan Vanuatuan "
    "Aruban Faroese Guamanian Manx Cornish Breton Bavarian Sicilian Tuscan Corsican Galician Andalusian Scandinavian "
    "Baltic Balkan Slavic Nordic Iberian Anatolian Chechen Tatar Uyghur Punjabi Bengali Tamil Gujarati Sinhalese Berber "
    "Maori Inuit Cherokee Navajo Apache Sioux Zulu Xhosa Yoruba Igbo Hausa Tutsi Hutu Romani Cape-Verdean Timorese "
    "Melanesian Polynesian Eurasian Siberian Californian Texan Londoner Parisian Berliner Quebecois Swede Dane Finn Pole "
    "Scot Turk Serb Croat Spaniard Briton Englishman Irishman Frenchwoman Dutchman Icelander New-Zealander Greenlander "
    "Kiwi Aussie Brit"
).split()
CREEDS = (
    "Catholic Protestant Lutheran Anglican Baptist Methodist Mormon Orthodox Jewish Muslim Sunni Shia Hindu Sikh Buddhist "
    "Jain Christian Quaker Atheist Agnostic Democrat Republican Socialist Communist Conservative Liberal Labour Marxist "
    "Evangelical Presbyterian Zoroastrian Taoist Libertarian "
    "Calvinist Pentecostal Adventist Unitarian Mennonite Amish Scientologist Rastafarian Shinto Confucian Druze Alawite "
    "Coptic Sufi Salafi Hasidic Ashkenazi Sephardic Wiccan Pagan Jesuit Tory Whig Peronist Maoist Trotskyist Leninist "
    "Anarchist Monarchist Nationalist Unionist Islamist"
).split()
PLURALS = (
    "Americans Germans Italians Spaniards Swedes Poles Greeks Turks Russians Ukrainians Indians Pakistanis Filipinos "
    "Australians Canadians Mexicans Brazilians Argentines Egyptians Moroccans Nigerians Israelis Palestinians Iranians "
    "Kurds Arabs Catholics Protestants Mormons Jews Muslims Hindus Sikhs Buddhists Christians Quakers Democrats Republicans "
    "Socialists Communists Conservatives Liberals Belgians Norwegians Danes Finns Hungarians Romanians Koreans Vietnamese"
).split()
DISEASES = (
    "asthma,hypertension,type 2 diabetes,chest pain,shortness of breath,migraine,pneumonia,COPD,atrial fibrillation,"
    "lower back pain,nausea,Crohn's disease,Parkinson's disease,Alzheimer's disease,multiple sclerosis,anemia,fever,"
    "a broken wrist,depression,anxiety,gout,GERD,hypothyroidism,Lyme disease,COVID-19,Hashimoto's thyroiditis,"
    "Hodgkin lymphoma,abdominal pain,dizziness,sepsis,stroke,eczema,psoriasis,Bell's palsy,chronic kidney disease"
).split(",")
DRUGS = (
    "metformin,Lisinopril,Aspirin,ibuprofen,Tylenol,Atorvastatin,Xarelto,warfarin,Amoxicillin,Prednisone,insulin,Humira,"
    "Lantus,Zoloft,Prozac,omeprazole,Nexium,Plavix,Eliquis,paracetamol,Advil,Ventolin,morphine,Keppra,Lasix,Synthroid"
).split(",")
PRODUCTS = (
    "iPhone 15,Galaxy S23,Kindle,MacBook Pro,PlayStation 5,Roomba,Nespresso machine,Instant Pot,Fitbit,Dyson vacuum,"
    "Levi's jeans,Nike Air Max,Canon EOS R5,GoPro Hero 9,Lego set,Bosch drill,KitchenAid mixer,Thermomix,Barbie doll,"
    "Vitamix,Garmin watch,Tesla Model 3,Ford Focus,Toyota Corolla,Swiss Army knife,Bluetooth speaker,Surface Pro 7"
).split(",")
PLACES = (
    "station,library,town hall,park,airport,mall,harbour,Central Park,Royal Albert Hall,Opera House,Grand Hotel,"
    "Hilton,Red Lion,Old Mill,stadium,church,Community Centre"
).split(",")
THINGS = (
    "account,order,loan,card,subscription,router,invoice,booking,policy,mortgage,phone bill,laptop,passport,statement,"
    "contract,report,parcel,refund,insurance,profile,user account,credit card,direct debit"
).split(",")
RELATIVES = (
    "wife husband son daughter mother father brother sister uncle aunt cousin partner neighbour boss friend grandmother "
    "grandfather girlfriend boyfriend fiancé colleague landlord nephew niece roommate"
).split()
UNITS = (
    "Apt. {n}|Apt {n}|Apartment {n}|Suite {n}|Ste. {n}|Unit {n}|Flat {n}|Floor {n}|#{n}|No. {n}|Room {n}|Building {c}|"
    "Block {c}|{n}th floor|Bldg. {n}|apt. {n}|Lot {n}|Top Floor|Whg. {n}|Bât. {c}|App. {n}|dpt. {n}|piso {n}|Level {n}"
).split("|")
STREET_WORDS = (
    "Street St St. Road Rd Rd. Avenue Ave Ave. Lane Ln Drive Dr Court Ct Place Pl Square Boulevard Blvd Way Terrace "
    "Crescent Close Parkway Highway Hwy Row Hill Grove Gardens Mews Alley Loop Trail Circle Park View Gate Walk Quay Path"
).split()
FOREIGN_STREETS = (
    "Rua {x}|Avenida {x}|Av. {x}|Calle {x}|C/ {x}|Carrer {x}|Via {x}|Viale {x}|Piazza {x}|Rue {x}|Rue de {x}|Avenue {x}|"
    "Boulevard {x}|Chemin {x}|{x}straße|{x}strasse|{x}str.|{x}weg|{x}gasse|{x}platz|{x}allee|{x}straat|{x}laan|{x}gade|"
    "{x}vej|{x}gatan|{x}vägen|{x}gata|{x}gate|{x}veien|{x}vegur|{x}katu|{x}tie|{x}kuja|ul. {x}|ulica {x}|al. {x}|"
    "{x} utca|{x} u.|{x} út|{x} tér|{x}ova|{x}ská|{x}ova ulica|Str. {x}|Strada {x}|{x} tn|{x} tee|{x} iela|{x} g.|{x} pr.|"
    "{x} Caddesi|{x} Sok.|{x} Sk|οδός {x}|{x}ου|ул. {x}|улица {x}|Jalan {x}|Jl. {x}|{x} Marg|Rruga {x}|Paseo {x}|"
    "Largo {x}|Travessa {x}|Praça {x}|Plaza {x}|Corso {x}|Place {x}|Quai {x}|Am {x}|An der {x}|Im {x}|Auf dem {x}|"
    "{x}torget|{x}stræde|{x}bakken|{x}stien|{x}haugen|{x}plein|{x}kade|{x}singel|{x}dijk|{x}hof|{x}ring|{x}steig|{x}vollen"
).split("|")
POBOX = "P.O. Box {n}|PO Box {n}|P.O.Box {n}|Post Office Box {n}|Postfach {n}|BP {n}|Postbus {n}|Box {n}|Apartado {n}"
COMPANY_ENDS = (
    "Inc Inc. Ltd Ltd. LLC Corp Corp. GmbH AG S.A. S.p.A. B.V. AB Oy A/S ApS PLC plc Group Holdings Partners Systems "
    "Solutions Technologies Labs Analytics Health Energy Logistics Foods Bank Capital Insurance Media Studios Software "
    "Consulting Industries Motors Airlines Pharma Foundation Institute Association & Co & Sons Corporation Company "
    "Investments Services International Networks Trust Ventures Realty Security Credit Financial"
).split()
ORG_FORMS = (
    "University of {p}|{p} University|{p} General Hospital|{p} Medical Center|St. {f}'s Hospital|{p} City Council|"
    "Bank of {p}|First National Bank of {p}|{p} High School|{l} & {l}|{l} and {l}|{l}, {l} & {l}|{l}-{l}|"
    "{l} Group|{l} Brothers|{b} {b}|{b}|{b}|{b}|{b} {e}|{b} {e}|{b} {e}|{w} {e}|{W}{w2}|{W} {W2}|{W} {W2} {e}|{W}{W2} {e}|"
    "The {W} Company|{p} Police Department|Ministry of {W}|Department of {W}|{W} and {W2} {e}|{b}.{t}|{a}|{a} {e}|"
    "{p} United|FC {p}|{p} Symphony|{W} Without Borders|Church of {W}|{n} {e}|{w}{w2}|{W}ly|{W}ify|e{W}|My{W}|{W}Hub|{W}Coach"
).split("|")
BRANDS = (
    "Google Microsoft Siemens Toyota Nestlé Unilever Boeing Airbus Shell Vodafone Nokia Pfizer Walmart IKEA Starbucks "
    "Allianz Deloitte Goldman-Sachs JPMorgan Barclays HSBC Samsung Sony Intel IBM Oracle Cisco Adobe PayPal eBay Uber "
    "Facebook Twitter Reuters CNN BBC NASA UNICEF FedEx UPS DHL Lufthansa KLM Ryanair AT&T Verizon Comcast Zillow Yelp "
    "Equifax Experian Bloomberg LinkedIn Dropbox Salesforce McKinsey KPMG Novartis Roche Bayer BASF Volvo Ericsson"
).split()
MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
WORD_NAMES = (
    "Grace Hope Faith Rose Bill Mark Will Frank Jack Grant May June April Summer Dawn Penny Ruby Daisy Chase Drew Rob Pat "
    "Sue Art Joy Ivy Holly Iris Lily Violet Hazel Heather Olive Pearl Amber Jade Crystal Eve Carol Robin Martin Dean Dale "
    "Glen Cliff Brook Rusty Sandy Ginger Basil Rosemary Cherry Melody Harmony Mercy Patience Angel Miles Page Rich Gene "
    "Lance Mason Hunter Taylor Carter Cooper Baker Cook Fisher Young Long Short Brown Green White Black Gray King Bishop "
    "Pope Knight Price Rice Stone Wood Woods Hill Field Fields Banks Rivers Day Love Best Power Small Bush Reed Fox Wolf "
    "Bird Swan Drake Barber Butler Ward Church Temple Parks Waters Winter Snow Frost Sharp Savage"
).split()
SUFFIXES = ("Jr.", "Sr.", "III", "II", "Jr")


DATE_FORMS = (
    "{mm}/{dd}/{y}|{m}/{d}/{y}|{m}/{d}/{yy}|{y}-{mm}-{dd}|{dd}.{mm}.{y}|{d}.{m}.{yy}|{d} {B} {y}|{B} {d}, {y}|{B} {d}|{d} {b} {y}|"
    "{b} {d} {y}|{B} {d}{th}, {y}|the {d}{th} of {B}|{A}, {B} {d}|{A} {d} {B} {y}|{y}-{mm}-{dd} {hms}|{dd}/{mm}/{y} {t}|{dd}-{mm}-{y}|"
    "{a} {d} {b}|{y}/{mm}/{dd}|{dd}-{b}-{yy}|{y}-{mm}-{dd}T{hms}|{d}/{m}|{B} {y}|{d}{th} {B} {y}|{dd}{mm}{y}"
).split("|")

ABBREVIATIONS = (
    "ATM ASAP FAQ PIN ID TV PC CEO CFO HR PDF SMS VIP DIY ETA FYI IT ER ICU MRI CT ECG BP OK LOL OMG GPS USB DVD CD VAT IRS "
    "PTO FBI EU UN NGO PhD MBA MD RN BMI HIV DNA API URL HTML SQL CSV CRM ERP KPI ROI B2B Q1 Q3 N/A TBD RSVP PS AM PM"
).split()
WORKERS = (
    "operator clerk installer driver technician cleaner attendant inspector assembler controller worker mechanic analyst "
    "assistant teacher therapist distributor administrator supervisor manager engineer designer planner writer consultant "
    "officer agent nurse repairer setter packer loader cutter grader tester trainer dealer broker buyer editor guard maker"
).split()
