r"""The sentences of the recipe, by register: one template a line.

`[a|b]` is a choice, which may nest and be empty; `{slot}` is filled by `sentences_slots.py`; `\n` breaks the line.
Every line was written for this recipe.
"""

from recipes.sentences_shapes import ORDINARY, WEAK

CARE = r"""
[Pt|Patient] {n}, {age} [y/o|yo|y.o.|year old|year-old|yrs old] [male|female|man|woman|M|F], [presents|presented|admitted|seen] [on {date}|on {wd}|at {time}|] [with|for|c/o] {dis}.
{age}[ y/o| yo|-year-old| year old| yr old|yo] {sex} with [a history of|hx of|known] {dis}[, on {drug}|] [presents today|came in {date}|was referred by {tl}].
Seen by {tl} [in clinic|on the ward|in {city}|at {hosp}] on {date}. [Plan:|Impression:] {dis}, start {drug} {num} mg [daily|bid|at night].
[Referring physician|Attending|Consultant|GP|PCP|Surgeon]: {tn}[, MD|, M.D.|, RN|, PhD|]\nPatient: [{n}|{lf}]\nDOB: {dob}\nMRN: {id}
DISCHARGE SUMMARY\nName: [{n}|{lf}]\nAge: {age}\nAdmitted: {date}\nDischarged: {date}\nDiagnosis: {dis}
Dear {tl},\n\nThank you for [referring|asking me to see] [Mr.|Mrs.|Ms.] {l}, [a|this] {age}[-year-old| year old] [{job}|{nrp} [woman|man]|lady|gentleman] from {city}, who [has|suffers from] {dis}.
{tp} {l} was [very pleasant|quite anxious|alert] and [denies|denied] {dis}. [His|Her] [wife|husband|son|daughter|mother], {f}, [was present|called at {time}|lives in {city}].
[Spoke|Discussed] with {f}[, {poss} {rel}|] [by phone|at {phone}|today|on {wd}] about [the discharge|{drug}|next steps].
{n} was last seen {date} and remains on {drug}. [Follow up|Review] in [two|three|six] [weeks|months].
Nurse {l} [noted|charted] that the patient [slept well|refused {drug}|complained of {dis}] at {time}.
This {age} year old [boy|girl|male|female|lady|gentleman|patient] [was brought in by|arrived with] {poss} {rel}[ {f}|] after [a fall|an accident|two days of {dis}].
No [known|documented] allergies. [Denies|Reports] {dis}. [Continue|Stop|Increase] {drug} {num} mg.
[Hx|History]: {dis} [since {year}|diagnosed in {year}|x {num} years], {dis}. [Surgery|Operation] in {my} at {hosp}.
[Patient|Pt] is {age}[ now|], [lives|living] [alone|with {rel} {f}|] [in {city}|at {addr1}].
[Blood pressure|BP] was {num}/{num}, pulse {num}, temp {num}. Lungs clear. [Heart sounds normal.|No murmurs.]
Mother ({n}, {age}) and father ({n}, {age}) [both|are] healthy. [One sibling, {f}, aged {age}.|]
The [Parkinson|Alzheimer|Crohn|Hodgkin|Graves|Cushing|Raynaud]['s|] [disease|syndrome|lymphoma] [was|is] [stable|advanced|newly diagnosed].
[Apgar|Glasgow|Wells|Child-Pugh|Bishop] score [of {num}|was {num}]. [Foley|Swan-Ganz|Hickman] catheter [placed|removed].
[Pharmacy|Pharmacist] {n} [called|rang] to confirm the [dose|prescription] of {drug} for {n}.
{l}, {f} ({age}) - [bed|room] {num} - {dis} - [NBM|for theatre|awaiting CT] - {tl}
Consent was given by {n} ([mother|guardian|next of kin], [tel|phone] {phone}).
Visit to Dr {l}'s [practice|surgery|office] in {city} [on {date}|next {wd}].
She is {age} and has [two|three] children aged {age} and {age}.
[She|He] was diagnosed with {dis} [at the age of|at|aged] {age}, in {my}.
My [son|daughter|brother|niece|aunt] {f} is {age}[ years old|, nearly {age} years old|].
i am {age} [years old|yrs|] and [i |]weigh {num} kg
[Nephew|Grandson] is {age} [today|this week]! [Happy birthday {f}!|]
Under {num} years of age [this product|{drug}] should not be used without [advice|supervision].
Therapist notes: {f} talked about [work|school|{poss} {rel}], felt [sad|angry|better], sleeps {num} hours. Next session {wd} [at |]{time}.
Lab: [Quest|{org}]. Collected {date} {time}. Ordered by {tl}. Hemoglobin {num}.{num}, [sodium|potassium] {num}.
"""

SERVICE = r"""
[Hi|Hello|Hey|Good morning|Good evening|Dear team|], [I am|I'm|this is|it's] {n}[ from {city}| and I'm writing about order {id}| calling about my {thing}|][.|, can you help me?|]
[Hi|Hello|hey] {f}, [thanks|thank you] for [contacting us|getting back to me|reaching out|your patience].
[Regards|Best regards|Kind regards|Best|Cheers|Thanks|Sincerely|Yours sincerely|Warm wishes|All the best|BR],\n[{n}|{f}|{f}]
Thanks,\n{n}\n{job}\n{org}\n{phone}
{n}\n{job}, {org}\n{addrm}\n[T|Tel|Phone|P|M]: {phone}\n{email}
{n} | {job} | {org} | {phone} | {url}
{org}\n{addrm}\n[Tel.|Phone|Ph] {phone}\n[Fax|F] {phone}
[Agent|Support|Operator|Bot|User|Customer|Rep|A|Q]: [May I have|Can I get|Please tell me|Could I ask] your [full |]name[ please|]?\n[Customer|User|Caller|Q|A]: [Sure, |Yes, |]{n}[.|]
[Agent|Operator]: [Am I speaking with|Is this|Thank you,] {tp} {l}[?|.]\n[Caller|Customer]: [Yes|No, this is {poss} {rel} {f}|Speaking].
[Agent|bot]: what is your [delivery |postal |home |] address?\n[user|Customer]: [{addr1}|{addrm}|{st}]
[Ship|Deliver|Send|Post|Forward|Mail] [it|this|my order|the {thing}|a replacement] to {addr1}[ please|, thanks|].
[Please |can you |]send [a new {thing}|the invoice|my parcel|everything] to {addrm}
[My|Our|Her|The] [new |current |old |billing |shipping |] address is[:|] [{addr1}|{addrm}|{st}][.|]
[I |We ][just |][moved|relocated] [from {city} |]to {addr1}[ in {my}| last {wd}|].
[I|We] live [at|on|in] {st}[, {city}|][.|, near the {place}.|]
[I want|I'd like|We need] to [change|correct|update|edit] the [name|holder|owner] [of|on] [my|our|the] {thing} to {n}[.|, not {n}.]
[Please|Kindly] [register|enrol|sign up|add] {n} [and {n} |]as [additional users|a joint holder|my beneficiary|emergency contact].
Ticket #{id}: {n} reports that [{thing}|the app|the login page] [fails|crashes|is slow] since {date}. [Assigned to {f}.|Owner: {n}.|]
[The|your] [agent|technician|courier|engineer|driver|colleague][, {f}, | {f} |][was|is] [very helpful|rude|late] [on {wd}|yesterday|].
[Is|was] {f} [available|in the office|working today]? [I need|We want] to talk to [him|her|{tp} {l}].
{f}[, | - |: ][could|can|would] you [look at|check|forward] [this|the {thing}]?[ Thx {f}|]
@{f} [did you see|please review|merge when ready] [the {thing}|this]
[Call|Ring|Text|Reach|Phone|whatsapp] me [back |][at|on] {phone}[ after {time}| before {wd}| and ask for {f}|].
My [number|cell|mobile|phone|telephone|landline] is {phone}[ or {phone}|][, name {n}|].
[tel|Tel.|phone|Phone number|Mobile|mob|Fax|Contact|Office|Work|Home]:[ |\n]{phone}
[We|I] tried [to call |calling |]{phone} [twice|{num} times], no answer. [Left a message for {f}.|]
[Card|Visa|Mastercard|card number|card no.] {card} [was|is|has been] [stolen|declined|charged twice|lost] [in {city}|on {date}|].
[Please |]block [my |the ]card {card}[, name on the card {n}|].
What is the [balance|limit] [on|of] [card|account] {card}?
[Transfer|Wire|pay] {money} to {iban}[, account holder {n}|, {n}|] [before {date}|today|].
IBAN: {iban}\n[BIC: {bic}\n|]Account [holder|name]: [{n}|{org}]
[The|An] [order|invoice|parcel|refund] {id} of {date} [has not arrived|is missing|was sent to the wrong address].
[Can|How can|When can|Why can't] I [reset my password|upgrade my plan|cancel my subscription|pay by card|get a refund]?
[Your|The] [app|site|website|portal] [is|was] down [again|since {time}|this morning]. [Fix it!|]
[Thank You For Your Order|Your Order Has Shipped|Payment Received|Terms And Conditions Apply|Account Settings|Forgot Password].
The [{prod}|{prod}] I [bought|ordered] [on {date}|in {my}|] [stopped working|is broken|arrived damaged].
Name: {n}\n[Address|Street]: {st}\n[City|Town]: {city}\n[Zip|ZIP code|Postcode|Postal code]: {zip}\n[Country: {ctry}|]
First name: {f}\n[Last name|Surname|Family name]: {l}\n[Date of birth|DOB|Born]: {dob}\n[Email|E-mail]: {email}
[Zip|ZIP|zip code|postcode|Postal code|PLZ|post code][: | is | ]{zip}
[we deliver|Delivery] to {zip} [only|as well|] [from {date}|]
[IP|host|server|address] {ip} [was blocked|timed out|is not reachable][ at {time}| on {date}|].
[error|warning] {num} at line {num} in [file|module] {word}[.py|.js|] [{date} {time}|]
Visit [us at |]{url} [for details|or write to {email}|].
My user name is {user}[ and my e-mail {email}|].
[SSN|social security number|social][: | is |# ]{ssn}[, name {n}|]
[Driver's license|Passport|Policy|Member|Customer|Account] [number|no.|#]: {id}[, valid until {date}|]
[Order|Invoice|Case|Reference|Claim] [no.|number|#] {id}[, {n}|, dated {date}|].
hello my name [is|:] {f}, [i|I] [cant|can't|cannot] log in
[who|Who] is this?[\n| ][It's|this is] {f}[ {l}|][, {poss} {rel}|].
[my|My] {rel}['s name is| is called|,] {n}[,| and] [has|had|wants] [an account|a question|the same problem].
[Not|No,] {f} - {f}! [It is spelled wrong.|with a capital letter|]
Your [appointment|booking|reservation] [with {tl}|at {org}|] is [confirmed for|on] {date}[ at {time}|].
[Account|Joint account|Policy|Contract] in the name of {n}[ and {n}|].
[The|Our] [office|shop|store|branch|warehouse|clinic|party] is [at|located at|on] {st}[ in {city}|, {city}|].
[{org}|We] [will close|closed|opened] [our|the] [branch|store] [at|on] {st}[, {city}|].
[on|at] the corner of {stn} and {stn}
[between|crossing of|intersection of] {stn} [and|/|&] {stn}[ in {city}|]
{st}\n{unit}\n{city}[, {reg}|]\n{ctry}
[{n}|{org}]\n{addrm}
[{n}\n|]{addrm}
{addrm}
[return|send back] [the parcel |]to {pobox}[, {city}|].
P.S. {f} says hi[ from {city}|]!
[FYI|Note]: {f} is on [leave|vacation|holiday] [until {date}|from {date} to {date}|next week].
i [lost|forgot] my [wallet|phone|pin|password] [yesterday|in {city}|], please help
[The|Our] [meeting|call|lunch|interview] with {n} [from|of] {org} [is|was moved to] [{wd}|{date}|{date} at {time}].
[Ms|Ms.|Mr|mr|mrs|Mrs.|miss|Miss] {f} [called|wants to talk to you|is waiting].
"""

SOCIAL = r"""
[OMG|lol|haha|wow|ugh], {f} [is|was] [so funny|such a star|the worst|amazing][!|!!|]
[happy birthday|congrats|good luck|well done|miss you] [dear |]{f}[!|!!| xx| <3|]
[did|have] [u|you] [see|seen|hear from|heard from|talk to|meet] {n}[ lately| yet| today|]?
[why|Why|when|When|where|Where] [is|was|did|does] {f} [so late|go|live|work|leave us|never answer]?
[I|i] [met|saw|love|miss|know|called|married|hate] {n}[ in {city}| yesterday| back in {year}|].
{f} and {f} [are|were] [getting married|in {city}|moving to {city}|best friends].
{f}, {f} and {f} [came|went] to [the party|dinner|{city}] [on {wd}|].
[Going|Flying|Driving|Moving|off] to {loc} [tomorrow|next week|on {wd}|in {month}][!|]
We spent [a week|our holidays|two months] in {loc}[, mostly hiking|].
[Greetings|Hello|Love] from {city}[, {ctry}|]!
Does anybody know a good [{nrp} |][restaurant|dentist|plumber] in {city}?
Half {nrp}[ and|,] half {nrp}, [she|he|our teacher] [spent years|grew up] in {ctry}.
We [went|used to go] to a[n|] {nrp} [place|restaurant|market|church|school] [in {city}|downtown].
[My|Her|Our] [{nrp}|{nrp}] [neighbours|friends|in-laws|colleagues] [came over|are lovely|moved to {loc}].
[He|She] [speaks|learned] {nrp}[, {nrp}| and {nrp}|] [fluently|at school].
[Many|Most|Some] [{nrps}|{nrps}] [live|voted|emigrated|settled] [here|in {loc}].
{f} can be [so rude|really kind|shy] [sometimes|with strangers|].
{f}'s [dog|car|mother|idea|phone|house] [is|was] [huge|stolen|great|gone].
{n}'s [birthday|wedding|funeral|talk|book] [is|was] on {date}.
The [baby|puppy|cat|boat] is called {f}.
[{f}|{n}]: [hi|hey|how are you|what's up|lol]\n[{f}|{n}]: [fine|good, you?|all right|busy]\n[{f}|{n}]: [see you {wd}|ok bye|call me]
{f}: [I can't believe it|Are you serious|Where have you been], {f}?\n{f}: [Ask {f}.|It was {f}!|I was in {city}.]
"[I told you|You never listen|Come here]," [said|whispered|shouted|laughed] {n}[ to {f}|].
"[Leave|Wait|Stop]!" {f} [cried|called|said]. {f} [did not answer|turned away|smiled].
[said|asked] {f}, [looking|smiling] at {f}
{user}: [great video|first|nice|love it] [:)|!!!|]
[Check|follow|New post]: {url} [by {n}|]
[Born|I was born] [on|in] [{dob}|{my}|{year}] [in {city}|], [maiden|birth|family] name {l}[.|]
[Her|His] [surname|family name|last name] [is|was] {l}, [née|formerly|not] {l}.
At {age} [i|she|he] still [climbs|swims|plays chess] [every {wd}|].
{age}, [single|married|divorced], [{job0}|student], [lives in|from] {city}
[Only|just] {num} [days|hours|minutes] [left|to go]!
[Monday|Friday] [mood|vibes]. [Summer|Winter|Easter|Christmas|Halloween|Thanksgiving] [is coming|was fun].
[Rest in peace|RIP] {n} ({year} - {year})
"""

CULTURE = r"""
["{song}"|{song}] [by|from] {n} [is|was] [released in {year}|number one in {year}|my favourite track].
The [song|track|single|ballad] "{song}" [was written by|features|is about] {n}[ and {n}|].
{l}'s [voice|debut|second album|guitar solo|new novel|latest film] is [stunning|a mess|unforgettable].
{n} [wrote|recorded|directed|produced|painted|sang] [it|this|"{song}"] in {year}[ at the age of {age}|][ in {city}|].
{n}'s [{nrp} |][film|novel|comedy] of {year} [is slow|won everything|bored me]; {n} and {n} [are the leads|save it].
[Starring|Cast|With] {n}, {n} and {n}. [Director|Written by|Producer|Score]: {n}.
[The|Our] [critic|reviewer|blogger|reader] {n} [called it|writes that it is] "[a masterpiece|a waste of time|pure joy]".
[If|When] {l} [sings|plays|writes] about {loc}, [you|we] [can feel the rain|believe every word].
The [band|orchestra|choir|quartet|theatre] from {city} [toured|played in|visited] {ctry} in {year}.
{org} [Records|Films|Press|Pictures] [released|published|cancelled] ["{song}"|the album] [on {date}|in {my}|].
[{prod}|The {prod}] [works well|is a great buy|broke after {num} days]. {num} stars. [Reviewed by {f}|- {n}|{f} from {city}|]
[Great|Nice|Terrible|Cheap|Soft] [dress|shirt|blender|headphones|shoes], [fits well|true to size|too small]. [I wear a {num}.|]
[{f}|{n}] [recommended|gave me] this [book|film|blender] and [I|we] [love|returned] it.
[The Lord|The Queen|A King|The Secret|The Winter] of [the|] [Night|Rain|Flowers|Fire|Mercy] is [a novel|a poem|track {num}] [by {n}|about {city}|].
[Faith|Hope|Grace|Joy|Patience|Mercy|Charity] [is|was] [a virtue|what we need|on the menu].
[In|On] {song}, [the hero|{l}] [returns|travels] to {city} [after {num} years|in {year}].
[His|Her] early [work|paintings|poems], [above all|especially] "{song}", [influenced|inspired] {l} [and {l}|].
[Did {l} really say that?|As {l} once said,|To quote {n}:] "[nothing is new|less is more]".
[Concert|Show] review: {n} at [the|] {place}, {city}, {date}
[Best|Top {num}] [albums|films|books] of {year}: {num}. "{song}" - {n}
The [Lakers|Giants|Tigers|Rangers|United] [beat|lost to] {city} {num}-{num}. {l} scored [twice|in minute {num}].
[Coach|Captain|Striker|Goalkeeper|Champion] {n} [signed|injured|retired|won] [on {wd}|in {city}|].
[Listen|Read] the [whole|full] [story|lyrics] [here|at {url}].
Inspired by {f} [{mi} |]{l}'s {song}[, published in {year}|].
"""

NEWS = r"""
{CITY} - {n}, [the|a] {job0} [at|of] {org}, [said|told reporters] on {wd} that [prices|taxes|rates] will [rise|fall].
[{org}|{n}] [announced|denied|confirmed] on {date} [a deal|plans|the merger] with {org}[ in {city}|].
{org}, [a|the] {city}-based [bank|startup|retailer|charity], [hired|fired|sued] {n}[ as {job0}|].
{org} [started out|opened its doors|began] in {year}[, when {l} and {l} met in {city}| in {city}| in {city}, {ctry}].
[The company|{org}], [based|headquartered] in {city}, [employs {num} people|makes {word}|reported a loss of {money}].
[He|She|{l}] [worked|spent {num} years|studied] at {org}[ in {city}|][, then at {org}|] [until {year}|from {year} to {year}|].
{n} ({age}) [was|has been] [arrested|elected|found|sentenced|rescued] [in|near] {city}[ on {date}|].
{n}, {age}, of {city}, [pleaded guilty|was charged|denies everything].
[Police|Firefighters|Officials] in {loc} [said|closed] [the road|that {n} was missing|a bridge] [on {wd}|].
[President|Prime Minister|Senator|Minister|Mayor|Governor|Judge|King|Queen|Chancellor] {l} [visited|left] {loc} [on {wd}|in {month}|].
{nrp} [police|voters|officials|exports|soldiers|scientists|farmers] [rose|protested|agreed] [in {month}|in {city}|].
The {nrp} [government|parliament|embassy|team|economy] [signed|rejected] the [treaty|law] [of {year}|on {date}|].
[{nrps}|{nrps}] and {nrps} [in {city}|] [celebrate|protested|prayed] [together|on {wd}].
[Article|Section|Chapter|Rule] [{num}|IV|XII] of the [Code|Charter|Constitution] [of {year}|] [applies|was amended].
The [Data Protection|Clean Air|Road Traffic] Act [of {year}|{year}] [came into force|was repealed] [in {my}|].
[Shares|Stocks] of {org} [rose|fell] {num} percent [on {wd}|in {year}]. [Analyst|Trader] {n} [expects|sees] more.
[Storm|Hurricane|Typhoon] [{f}|{f}] [hit|missed] {loc} [on {wd}|in {month}].
From {loc} to {loc}: [trade|travel|war|tourism] in {year}
[Central|Northern|Southern|Eastern|Western] {ctry} [had|saw] [floods|record heat] in {my}.
[The|A] {org} [spokesman|spokeswoman|lawyer|employee], {n}, [declined|refused] to comment.
[Wall Street|The White House|Brexit|The Senate|Parliament|Congress] [reacted|voted] [late|on {wd}|].
Since {year}, {org} has [grown|changed] from a [small shop|garage startup] [into|to] a [global firm|leader in {word}].
{job} {n} [said|explained|added]: "[We are ready|I am glad|It is too early]."
{n} ({job}): "[We agree|No comment]."
[{nrp}|{nrp}] [actor|singer|tennis player|swimmer|writer|chef] {n} [won|lost|cancelled] [the|a] [prize|final|tour] in {city}.
[The|Mount|Lake|River] [Great|Old|New] [Bridge|Market|Harbour] [of {city}|] [was rebuilt|opened] in {year}.
"""

OFFICE = r"""
[Employee|Candidate|Applicant|Tenant|Insured|Policyholder|Claimant|Buyer|Seller|Witness|Student|Guest|Passenger]: [{n}|{lf}][, born {dob}| ({age})|, {addr1}|]
[This|The] [agreement|contract|lease|deed] is [made|entered into] on {date} between {n}[ of {addr1}|] and [{org}|{n}][ of {addr1}|].
[The|] [Tenant|Landlord|Borrower|Lender], {n}, [shall|agrees to] pay {money} [per month|by {date}].
IN WITNESS WHEREOF {n} [signed|has set his hand] on {date} in {city}.
{l} v. {l}[, {num} F.{num}d {num}| ({year})|]
[Case|Docket] No. {id}: {n} [vs.|v.|against] {org}, [filed|heard] {date}[, {tl} presiding|].
[Plaintiff|Defendant] {n} [resides|lives] at {addr1}.
{n} [joined|left] {org} [as {job0} |]on {date}[ and reports to {n}|].
[Interview|Performance review|Onboarding] [with|of] {n} [({job})|] [on|scheduled for] {date}.
[Salary|Bonus] of {n} [rises|raised] to {money} [from {date}|].
[To|From|Cc]: {n} <{email}>\n[Subject|Re]: [{thing}|Your order|Meeting on {wd}]
[Attendees|Present|Participants]: {n}, {n}, {n}[, {f}|]\n[Date|Held]: {date}[, {time}|]\n[Place|Venue]: {loc}
Minutes: {f} [presents|shows] the [budget|{thing}]. {f} [disagrees|asks for numbers]. [Decision|Action]: {f} [until|by] {wd}.
[Mr|Mr.|Ms|Mrs.|Dr|Prof.] and Mrs. {l} [request|invite you|thank you]
Dear {tp} {l},\n\n[We are writing|I write] [about|with regard to] your [policy|claim|loan|mortgage] {id}[ of {date}|].
Dear {f}[ {l}|],[\n| ][your|Your] [claim|loan|application] [has been approved|was rejected|is being processed].
The insured, {tp} {n}, [reported|had] [an accident|water damage|a theft] on {date} [at {st}|in {city}|].
[Vehicle|Car] [of|owned by|driven by] {n} [was hit|skidded] [on|at|near] {stn}[ in {city}|] [at {time}|].
[Flight|Train|Bus] {id} [from {city} to {city}|to {city}] [departs|leaves|landed] [at {time}|on {date}][, passenger {n}|].
[Passenger|Guest] [{lf}|{n}], [seat|room] {num}{cap1}, [arriving|check-in] {date}, [{nrp} passport|passport] {id}.
[We|I] [booked|stayed] [two|{num}] nights [in|at] [{place}|a hotel] in {city}[, {ctry}|] [for {money}|from {date}|].
[Hotel|Restaurant|Cafe|Museum] {stnw}[, {st}|][, {city}|]
Visa for {ctry}: [{nrp}|{nrp}] citizens need [one|a form] [before {date}|].
[Turn left|Go straight|Park] [at|on|onto] {stn}[, then {stn}|].
[Grade|Mark]s: {f} {l} {num}, {f} {l} {num}, {f} {l} {num}
{l}, {f} {mi}; {l}, {f} {mi} ({year}). {song}. {city}: {org}.
[{n}|{lf}]\t{dob}\t{city}\t{zip}
{n},{age},{city},{job}
id={num} name={n} city={city} country={ctry}
{n} - {job} - {phone} - {email}
[Signed|Approved by|Prepared by|Witness|Author|Contact person|Contact|Owner|Attn|c/o|Name]: {n}[, {job}|]
[Emergency contact|Next of kin|Spouse|Mother's maiden name|Guarantor|Beneficiary]: [{n}|{l}][ ({rel})|]
[Location|Place of birth|Birthplace|Nationality|City|Hometown]: [{loc}|{nrp}]
[Date|Date of visit|Valid until|Issued|Expires|When]: [{date}|{date} {time}]
[Company|Employer|Organisation|Organization|Vendor|Client|Bank]: {org}
[Works|working|employed|intern] [for|at|with] {org}[ since {year}| in {city}|]
[I|My {rel}|{f}] work[s|ed] [for|at] {org}[ as a {job0}|].
{f} [from|of|at] {org} [will call|called|sent the {thing}].
[Invoice|Receipt] from {org}, {st}, {city}. [Total|Amount due]: {money}. [Due|Paid] {date}.
[Religion|Ethnicity|Party|Citizenship|Faith]: {nrp}
[She|He] is [a |]{nrp} and [votes|prays] [regularly|every {wd}].
"""

PLAIN = r"""
[The|This|A|That|Every] {word} [of|in|for|with] [the|a|our] {word} [is|was|can be] [{word}|very {word}|not {word}].
[We|They|You|I] [should|can|will|must|did not] {word} the {word} [and|or|but] {word} [it|them] [later|today|again|soon].
[{Cap}|{Cap} {Cap}] [is|are|and {Cap} are] [important|new|words|in the menu|a kind of {word}].
[If|When|Because|Although] the {word} [is|was] {word}, [we|you] [need|get] [a|another] {word}.
{word} {word} {word} {word} {word} {word}[.|]
[The {Cap} {Cap}|{Cap} {Cap}] [button|page|tab|menu|plan|option] [does nothing|is missing|opens twice].
[See|Read|Open] [Chapter|Section|Figure|Table|Appendix|Step] {num}[ and {num}|].
[May|March|April|June|August|Will|Mark|Rose|Bill|Grant|Chase|Drew|Frank] [the|a|your] {word} [be|with] {word}.
[Please|Kindly|Just] [do not|never] {word} [the|your] {word} [without|before] {word}.
[How|Why|What|When|Where] [do|does|can|will] [I|we|you|it] {word} [the|a|my] {word}?
[Apple|Orange|Amazon|Windows|Java|Python|Shell|Target|Gap|Oracle] {word} [and|or] {word} [tips|recipes|news].
[Total|Subtotal|Price|Weight|Size|Quantity]: {num}[,{num}|.{num}|] [kg|cm|USD|EUR|units|]
[It|This] [costs|cost] {money} [for {num} pieces|a month|].
[Password|Pin|Code|Token|Key]: {id}
[Version|Release|Build] {num}.{num}[.{num}|] [fixes|adds|removes] {word} [and {word}|].
[Add|Mix|Boil|Bake] {num} [g|ml|cups] of {word}[, then stir for {num} minutes|].
[North|South|East|West|Up|Down], [left|right], {num} [steps|miles|km] [away|ahead].
[Yes|No|OK|Sure|Thanks|Great|Sorry|Hmm|Well][.|!|, {word} {word}.|, that is {word}.]
["{song}"|{song}] [is my favourite|was on the radio|is stuck in my head].
[I|We] [bought|tried|returned|love|hate] [the|a|my] {prod}[, it is {word}|].
{num} {word}, {num} {word} and {num} {word}
- {word} {word}\n- {word}\n- {Cap} {word}
[TODO|NOTE|WARNING|IMPORTANT|URGENT]: {word} the {word} [before release|].
[God|Heaven|Mother Nature|Father Christmas|Mom|Dad|Grandma|Sir|Madam|Doctor|Professor|Officer|Captain], [please|I] {word} [the|this] {word}.
[Sir|Madam|Dear Sir or Madam|Dear Customer|Dear Team|To whom it may concern], [your|the] {word} [is|was] {word}.
[Black Friday|New Year|Boxing Day|Mother's Day|Ramadan|Easter|Diwali|Christmas Eve] [sale|dinner|plans]: {word} {word}
[Bluetooth|Wi-Fi|Linux|Android|Excel|Kindle|Netflix|Spotify] [does not|won't] {word}[ after the update|].
[The|My] {dis} [is|got] [worse|better|gone] [since|after] [a week|{num} days].
[Take|Avoid] {drug} [with|without] [food|water|alcohol].
[White|Black|Brown|Green|Gray|Young|Long|Short|Rich|Stone|Wood|Fields|Banks|Rivers] [paint|stones|hair|water|coffee|tea] [and|or] {word} {word}
[{Cap}|THE {Cap}] {Cap} [{Cap}|OF {Cap}]
"""

# Loose grammar: every word but the slots' neighbours is drawn, so that no template can be learned by heart.
LOOSE = r"""
[{n}|{f}|{l}|{tl}] {ving} [the|a|my|our] {adj} {noun}[ {adv}|][, {pl}|][.|!|]
[{n}|{f}|{l}|{tl}] [has|had|will|would|can|must|did|does not|never|always] {verb} [the|a|their] {noun}[ of {n}| in {loc}| at {org}|][.|]
[{n}|{f}|{tl}] and [{n}|{f}|{poss} {noun}] {ved} [{adv}|the {noun}|in {loc}|{pl}].
[The|A|My|Our|Their|This|That] {adj} {noun} [of|by|from|for|with|about|against|like|without|than|under|behind] [{n}|{f}|{l}|{tl}] [is|was|has been|will be] {adj}[.|!|]
[The|A|My|Our|Their|This] {noun} [in|near|from|of|outside|around|across|beyond] {loc} [is|was|{ved}] [{adj}|{adv}|{ved}][.|]
[The|A|My|Our|Their] {noun} [at|from|of|by|with|for] {org} [is|was|{ved}] {adj}[ since {year}| in {my}|][.|]
{ved}[ {adv}|] [by|with|for|to|from|against|about] [{n}|{f}|{l}|{org}|{tl}][ {pl}|][ and {noun}|]
[I|We|They|You|She|He|it] {ved} [{n}|{f}|{org}|{loc}|the {nrp} {noun}|the {noun} of {l}|{n}'s {noun}][ {adv}| {pl}|][.|]
[i|we|they|you|she|he] {verb} [{n}|{f}|{org}|to {loc}|{nrp} {noun}|at {org}] [and|but|or|because] [{verb}|{f} {ved}|the {noun} {ved}]
[{n}|{f}|{l}]['s|'s|s'|’s] {adj} {noun} [{ved}|is {adj}|and {f}'s {noun}][.|]
[{noun}|{Noun}]: [{n}|{f}|{lf}|{loc}|{org}|{st}|{date}|{phone}|{nrp}|{age}|{job}]
[{noun}|{Noun}]: [{n}|{lf}]\n[{noun}|{Noun}]: [{loc}|{org}|{job}|{date}]\n[{noun}|{Noun}]: [{st}|{phone}|{num}|{word}]
[{Noun}|{noun}] [no.|number|#|nr|id|] {id}, {noun} {num}
[{adv}|{Adv}], {f}[ {l}|] [{ved}|{verb}s] [the|a] {noun}[ in {loc}| for {org}|].
[Did|Does|Has|Will|Could|Should|Is|Was] [{n}|{f}|{org}] {verb} [the|a|any] {noun}[ {pl}|]?
[Who|What|Why|How|Where|When] [did|does|will|is] [{n}|{f}|{org}] {verb}[ {pl}|]?
[From|In|To|Near|Outside] {loc}[ to {loc}|], [the|a] {noun} [is|was] {adj}
{loc} [is|was|has|had|and {loc} are|{ved}] [a|the] {adj} {noun}[.|]
{org} [is|was|has|had|and {org}|{ved}] [a|the] {adj} {noun}[ of {org}| in {loc}|].
[{nrp}|the {nrp}|a[n|] {nrp}|two {nrp}|{adj} {nrp}] {noun} [and|or|is|was|{ved}] [{adj}|{nrp}|{noun}]
[is|was|are|become] {nrp} [and|or|but] {adj}
[{noun}|{adj} {noun}|a {noun}] [at|on|near|to|by|from|behind|opposite] {st}[, {city}| in {city}|][.|]
[{noun}|{Noun}] {stn}[, {stn}|] [and|or|is|{ved}]
{ved} [to|at|from|for|near] [{addr1}|{addrm}|{st}|{pobox}][.|, {verb} {adv}.|]
[{verb}|{Verb}] [to|at|the {noun} to] [{addr1}|{addrm}|{st}]
[on|since|before|until|by|after|from] {date}[ to {date}| at {time}|][,|] [the|a] {noun} {ved}[.|]
[in|since|before|until|by|after] [{year}|{my}|{month}][,|] [the|{n}|{org}] {noun} {ved}
{noun} [at|by|before|after|until|around] {time}[ on {wd}| {date}|]
[{f}|{n}] ({age})[,| and] {ved} {adv}
{noun} of {age} [years|yrs], {adj}
[aged|age|is|was|nearly|only|over|under|about] {age} [years old|yrs old|y/o|yo|year-old {noun}|years of age]
[aged|age|age:|Age|at age] {age}[,| and] {adj}
[a|the|this|my] {age}[-year-old| year old| yr old|yo] [{noun}|{nrp} {noun}|{adj} {noun}]
[{verb}|{Verb}|{noun}] [{phone}|{phone} or {phone}|me at {phone}|{noun} {phone}][.| {pl}|]
{n}\n[{job}|{org}|{addrm}|{phone}|{email}]
[{f}|{n}]: {Verb} {adv}[.|!|?]\n[{f}|{n}]: {adj} {noun}[.|!|?]
[{adj}|{Adj}] {noun}, {f}[!|?|.|]
{f}, [{verb}|{ved}] [the|a|my] {noun}[!|?|.|]
[{Verb}|{Adv}], [Mr.|Mrs.|Ms.] {l}[!|?|.|]
[{tp}|{tp}] [{l}|{n}|{f}] [{ved}|is {adj}|and {tp} {l}|{verb}s]
[{n}|{f}], {noun} [of|at|for] {org}, {ved} [the|a] {noun}
[{n}|{f}] of {loc} {ved} [the|a] {noun} [by {n}|with {f}|in {year}|]
"[{song}|{Adj} {Noun}]" [by|from|with] {n}[ and {n}|][ ({year})|]
[{Adj} {Noun}|{Noun} {Noun}|The {Noun}] [and|of|for|in] [the|] {Noun} [{ved}|is {adj}]
{Noun} {Noun} {ved} {pl}
THE {Adj} {Noun} [OF|AND|FOR] THE {Noun}
[{Verb}|{Adv}|{Adj}|{Noun}] [the|a|this] {noun} [and|or] {verb} {adv}[.|]
{org} [office|offices|team|branch|headquarters|staff|website|shares|app|store|employees|customers] [is|are|was|in {loc}|at {st}|{ved}][.|]
[work|works|worked|working|job|career|position|intern|employed|hired|consultant|manager|analyst] [for|at|with|by] {org}[ in {loc}| as {job}|][.|]
{org} is [a|an|the] [{adj} |{nrp} |][company|bank|agency|firm|start-up|charity|school|hospital|chain|supplier] [of|in|for] [{noun}|{loc}][.|]
[{adv}|now|both|all|{adj}|{verb}] [from|in|near|outside] {loc}[, {adj}|, {ctry}| and {adj}|][.|]
{noun} [from|of|in] {city}[, {adj}| and {verb}|: {noun}|]
[with|and|or|then|later|now|formerly|known as|became|called|joined|bought|sold to|owned by] {org}[ in {year}| for {money}|][.|]
[{noun}s|{Noun}s|the {noun}s|two {noun}s|names][:|,| -|] {l}, {l}[,|] and {l}[.|]
[{l}|{f}] and [{l}|{f}] [{ved}|{verb}|are {adj}|were {adj}] [{adv}|in {loc}|the {noun}]
[with|and|or|than|like|young|old|dear|poor|the late|great] [{l}|{f}][, {adj}|'s {noun}|] [{ved}|{verb}s|.|?]
[to|into|from|across|through|outside|leaving|visiting|reaching|towards|near] [{city}|{ctry}|{loc}] [by|with|on|after|for] [a|the] [{noun}|train|plane|car|boat]
[{ctry}|{city}] [airport|station|border|hotel|beach|weather|government|market|museum|team] [is|was] [{adj}|{ved}][.|!|]
[{ctry}|{city}|{loc}] [is|was|looks|seems|feels] [{adv} |so |really |very |]{adj}[!|.|]
[arrived|landed|lives|stayed|born|based|stuck|raised|trip|office|concert|studies] [in|at] [{city}|{ctry}|{loc}][, {ctry}|][ {adv}| {pl}|][.|]
[song|film|book|match|poem|letter|postcard] ["{song}"|from {ctry}|"{Noun} of {city}"|{song}]
[the|a|some|every|no|any|my] {nrp} [{noun}|{noun} {noun}|food|language|accent|army|flag|coast|border|winter|music|wine]
{n}\n[\n|]{job}\n[\n|][{org}\n|][{Noun}: |]{phone}[\n{email}|][\n{st}|]
[{n}|{lf}]\n{job}\n{org}\n[{st}|{addrm}|{phone}]
[{n}|{f} {l}], [the |a |]{job}[,| at {org},| from {loc},] {ved} [the {noun}|{adv}]
[{n}|{f}]\n{org}\n[{addrm}|{st}]
[{noun}|{Noun}] [no. |]{num} [and|or|of|in] [the|our|{num}] {noun}s
[{num}|{num} or {num}|about {num}] [{noun}s|{adj} {noun}s|{noun}s of {noun}][.|]
{Word}s [must|may|should|can] [not |]{verb} [the|a] {noun}
[{word}|{Word}] [and|or|,] {word}[, {word} and {word}|] [are|were] {adj} {word}s[.|]
{Word} {word} [{word}|{Word}] {word} {adj} {Word}
[{Adj}|{Noun}]ness [and|or|is] [{Noun}|{adj}]
"""

REGISTERS = {
    "ordinary": ORDINARY, "weak": WEAK, "care": CARE, "service": SERVICE, "social": SOCIAL, "culture": CULTURE, "news": NEWS, "office": OFFICE, "loose": LOOSE, "plain": PLAIN
}  # fmt: skip
